#ifndef WD_DETECTOR_H
#define WD_DETECTOR_H

#include "../src/detect/engine.h"

/* What the commands that look at text without a policy share: the rules, and a scan over them. */
struct detector {
    struct wd_engine *engine;
    bool shared; /* the engine is another's */
    struct wd_findings findings;
    struct wd_scan scan; /* direction and actions are the command's to set */
};

/* False, with a message on stderr that names the command, when the rules or memory are not to be had. */
bool detector_init(struct detector *d, const char *command);
/* The same rules with working memory of its own, for another thread; lives no longer than the first. */
bool detector_share(struct detector *d, const struct detector *first);
void detector_deinit(struct detector *d);

#endif
