#ifndef TEST_POLICY_SUPPORT_H
#define TEST_POLICY_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/load.h"

/* The least that a policy needs, on two lines, to stand behind what a case is about. */
#define PROVIDERS "providers: {a: {format: openai, url: \"https://a.example\", keys: [env:A_KEY], models: [\"*\"]}}\n"
#define ROLES "roles: {r: {providers: [a]}}\n"
#define REST PROVIDERS ROLES

/* The environment of the case at hand: NAME=VALUE in lines. */
static const char *support_environ = "";

static char *
support_getenv(const char *name)
{
    static char value[16384];
    const char *line = support_environ;
    size_t len = strlen(name);

    while (*line != '\0') {
        size_t end = strcspn(line, "\n");

        if (end > len && line[len] == '=' && memcmp(line, name, len) == 0 && end - len - 1 < sizeof(value)) {
            memcpy(value, line + len + 1, end - len - 1);
            value[end - len - 1] = '\0';
            return value;
        }
        line += end + (line[end] == '\n');
    }
    return NULL;
}

/* A folder of this run with files for the cases. */
static char support_dir[4096];

static void
support_file(const char *name, const char *text, size_t len, mode_t mode)
{
    char path[4200];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", support_dir, name);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static int
support_setup(void **state)
{
    char name[] = "policy-XXXXXX";

    assert_non_null(mkdtemp(name));
    assert_non_null(realpath(name, support_dir));
    return 0;
}

/* Only files stand in it. */
static int
support_teardown(void **state)
{
    char command[4200];

    snprintf(command, sizeof(command), "rm -rf '%s'", support_dir);
    return system(command);
}

#endif
