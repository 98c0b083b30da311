#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/ledger.h"

/*
 * A ledger.map that somebody wrote into: a whole one of a few hundred entries, and patches of it (place 4 bytes, length 1 byte,
 * bytes). Whatever they are, it is refused or works on within its bounds.
 */

enum { FUZZ_ENTRIES = 1000, FUZZ_NOW = 1700000000, FUZZ_SIZE_MAX = 1 << 20 };

static char fuzz_image[FUZZ_SIZE_MAX];
static size_t fuzz_size;
static char fuzz_path[64];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wd_holding
fuzz_value(uint32_t n)
{
    struct wd_holding h = { 0 };
    static const uint8_t secret[32];

    wd_ledger_key(h.key, secret, "value", WD_SPAN(""), wd_span((const char *)&n, sizeof(n)));
    return h;
}

static void
fuzz_use(struct wd_ledger *l, uint32_t from, uint32_t to)
{
    for (uint32_t n = from; n < to; n++) {
        struct wd_holding h = fuzz_value(n);
        if (wd_ledger_begin(l, FUZZ_NOW) != WD_OK)
            return;
        enum wd_err err = wd_ledger_take(l, &h, 1, 1, 1000, 1);
        if (err == WD_OK && h.held != WD_HELD_OTHER) {
            wd_ledger_look(l, &h, 1, 1);
            if (h.held != WD_HELD_SAME)
                abort(); /* what was taken is held */
        }
        wd_ledger_end(l);
        if (n % 3 == 0)
            wd_ledger_release(l, &h, 1, 1);
    }
}

static void
fuzz_end(void)
{
    unlink(fuzz_path);
    *strrchr(fuzz_path, '/') = '\0';
    rmdir(fuzz_path);
}

static void
fuzz_start(void)
{
    char dir[] = "/tmp/fuzz-ledger-XXXXXX";
    struct wd_ledger *l;

    if (mkdtemp(dir) == NULL)
        abort();
    memcpy(fuzz_path, dir, sizeof(dir));
    memcpy(fuzz_path + sizeof(dir) - 1, "/ledger.map", sizeof("/ledger.map"));
    atexit(fuzz_end);
    if (wd_ledger_prepare(fuzz_path, FUZZ_ENTRIES, FUZZ_NOW) != WD_OK || wd_ledger_open(&l, fuzz_path, FUZZ_ENTRIES) != WD_OK)
        abort();
    fuzz_use(l, 0, 500);
    wd_ledger_close(l);
    int fd = open(fuzz_path, O_RDONLY);
    fuzz_size = (size_t)read(fd, fuzz_image, sizeof(fuzz_image));
    close(fd);
}

static void
fuzz_write(const uint8_t *data, size_t size)
{
    int fd = open(fuzz_path, O_RDWR);

    if (fd < 0 || ftruncate(fd, (off_t)fuzz_size) < 0 || pwrite(fd, fuzz_image, fuzz_size, 0) != (ssize_t)fuzz_size)
        abort();
    while (size >= 5) {
        uint32_t at;
        memcpy(&at, data, sizeof(at));
        size_t n = data[4] < size - 5 ? data[4] : size - 5;
        if (at == UINT32_MAX) { /* cut, or longer */
            if (ftruncate(fd, (off_t)(n * 4096)) < 0)
                abort();
        } else if (pwrite(fd, data + 5, n, (off_t)(at % fuzz_size)) < 0) {
            abort();
        }
        data += 5 + n;
        size -= 5 + n;
    }
    close(fd);
}

static bool
fuzz_entry(void *ctx, const struct wd_ledger_entry *e)
{
    (void)ctx;
    return e->kind != 255;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wd_ledger *l;
    uint64_t count;

    if (fuzz_size == 0)
        fuzz_start();
    fuzz_write(data, size);
    /* half of them without the mending, as a worker meets it */
    if (size % 2 == 0 && wd_ledger_prepare(fuzz_path, FUZZ_ENTRIES, FUZZ_NOW) != WD_OK)
        return 0;
    if (wd_ledger_open(&l, fuzz_path, FUZZ_ENTRIES) != WD_OK)
        return 0;
    fuzz_use(l, 0, 700);
    (void)!wd_ledger_list(l, FUZZ_NOW, fuzz_entry, NULL);
    (void)!wd_ledger_forget_if(l, fuzz_entry, NULL, &count);
    wd_ledger_close(l);
    return 0;
}
