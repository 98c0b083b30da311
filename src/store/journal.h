#ifndef WD_JOURNAL_H
#define WD_JOURNAL_H

#include <stdint.h>

#include "../base/buf.h"
#include "../base/err.h"
#include "../base/span.h"

/*
 * The audit log of one writer: DIR/N.jsonl, a chain of lines, and DIR/N.open, a shared mapping that holds the records of
 * exchanges in progress, so that kill -9 loses none. Each line is `{BODY,"prev":"HEX","hash":"HEX"}`: hash = keyed BLAKE2b-256
 * over prev and the line up to `,"hash"`; prev is the hash of the line before (64 zeros at the first). A body is the inside of a
 * JSON object without its braces, at most WD_JOURNAL_BODY_MAX bytes, one line, made by the caller. The key of all functions here
 * is wd_install_derive(.., "audit", ..). What a machine that loses power had not yet on disk is lost: nothing here waits for a
 * disk.
 */
#define WD_JOURNAL_BODY_MAX 8192
#define WD_JOURNAL_OPEN_MAX 1536 /* bytes of a body passed to begin */

struct wd_journal;

/*
 * Takes the first N that no living process writes (flock), mends a torn last line, closes records that were open as they were
 * begun (their bodies say "interrupted"), and continues the chain. dir is made when missing (0700).
 */
enum wd_err wd_journal_open(struct wd_journal **j, const char *dir, const uint8_t key[32]) WD_CHECK;
/* Flushes and unlocks. */
void wd_journal_close(struct wd_journal *j);
/* Recovers every writer of the folder that no living process holds; run at start. *closed: how many were interrupted. */
enum wd_err wd_journal_recover(const char *dir, const uint8_t key[32], uint32_t *closed) WD_CHECK;

/*
 * Before an answer's first byte leaves: keeps a record that, should the process die, becomes a line as it is. Also reserves
 * disk space for its final line. WD_ERR_IO (disk full, folder gone), WD_ERR_FULL (too many open), WD_ERR_RANGE (too long, line
 * feed): answer 503 audit_unavailable.
 */
enum wd_err wd_journal_begin(struct wd_journal *j, struct wd_span body, uint32_t *slot) WD_CHECK;
/* The final body; queued in memory AND in the mapping until flush writes it. Never fails; a body that is too long is cut by the
 * caller. */
void wd_journal_end(struct wd_journal *j, uint32_t slot, struct wd_span body);
/* Writes all queued lines with one system call. On WD_ERR_IO they stay queued and begin refuses until a flush succeeds. */
enum wd_err wd_journal_flush(struct wd_journal *j) WD_CHECK;
/*
 * Whether the files are still there and whole is looked at by each call, unless the caller, who has a clock, says by this when a
 * look has become old (a few milliseconds are fine).
 */
void wd_journal_look_again(struct wd_journal *j);
/* True when begin would work: for readiness. */
bool wd_journal_writable(struct wd_journal *j);

struct wd_journal_fault {
    char file[256]; /* its name in the folder */
    uint64_t line;
    /* "hash does not match", "line missing", "not a record", "last lines are missing", "file is missing", "head file is missing",
     * "head file is damaged" */
    const char *what;
};
/* How much was whole, up to the fault if there is one. */
struct wd_journal_count {
    uint64_t lines;
    uint32_t files;
};
/* Checks every file in the folder. WD_ERR_CORRUPT with *fault, or WD_ERR_IO. Reads while writers write. */
enum wd_err wd_journal_verify(const char *dir, const uint8_t key[32], struct wd_journal_count *count,
                              struct wd_journal_fault *fault) WD_CHECK;

#endif
