// What a test lays under the gateway's processes: a monotonic clock that it can put ahead, so that ten minutes are tested in none, a wall clock
// that it can set, and memory that it may look into.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const source = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *ahead;
static int (*real)(clockid_t, struct timespec *);

__attribute__((constructor)) static void
begin(void)
{
    int fd = open(AHEAD, O_RDONLY);
    void *p = mmap(0, 16, PROT_READ, MAP_SHARED, fd, 0);
    real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    ahead = p == MAP_FAILED ? 0 : p;
}

int
clock_gettime(clockid_t id, struct timespec *t)
{
    if (real == 0)
        begin();
    int rc = real(id, t);
    if (rc == 0 && ahead != 0 && (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE))
        t->tv_sec += ahead[0];
    if (rc == 0 && ahead != 0 && id == CLOCK_REALTIME)
        t->tv_sec += ahead[1];
    return rc;
}

int
prctl(int option, ...)
{
    unsigned long a[4];
    va_list list;

    va_start(list, option);
    for (int i = 0; i < 4; i++)
        a[i] = va_arg(list, unsigned long);
    va_end(list);
    if (option == PR_SET_DUMPABLE)
        return 0;
    return syscall(SYS_prctl, option, a[0], a[1], a[2], a[3]);
}
`;

/** How often text stands in the memory of these processes. */
export function inMemory(pids, text) {
  let found = 0;
  for (const pid of pids) {
    const fd = fs.openSync(`/proc/${pid}/mem`, 'r');
    for (const line of fs.readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
      const size = parseInt(to, 16) - parseInt(from, 16);
      if (!(size <= 1 << 27)) continue; // no shadow of a sanitizer
      const bytes = Buffer.alloc(size);
      try {
        fs.readSync(fd, bytes, 0, size, parseInt(from, 16));
      } catch {
        continue;
      }
      for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at + 1)) found++;
    }
    fs.closeSync(fd);
  }
  return found;
}

/** env: what startGateway needs; forward(seconds) puts the monotonic clock ahead, wall(seconds) the other ahead or back, all in all; remove() when done. */
export function preload() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'warder-preload-'));
  fs.chmodSync(dir, 0o755); // workers may be another user
  const at = (name) => path.join(dir, name);
  fs.writeFileSync(at('ahead'), Buffer.alloc(16));
  fs.writeFileSync(at('preload.c'), source);
  execFileSync('cc', ['-shared', '-fPIC', '-O1', `-DAHEAD="${at('ahead')}"`, '-o', at('preload.so'), at('preload.c'), '-ldl']);
  const set = (place, seconds) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(seconds));
    const fd = fs.openSync(at('ahead'), 'r+');
    fs.writeSync(fd, bytes, 0, 8, place);
    fs.closeSync(fd);
  };
  return {
    env: { LD_PRELOAD: [process.env.WARDER_PRELOAD, at('preload.so')].filter(Boolean).join(' ') },
    forward: (seconds) => set(0, seconds),
    wall: (seconds) => set(8, seconds),
    remove() {
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}
