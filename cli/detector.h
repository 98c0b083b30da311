#ifndef WD_DETECTOR_H
#define WD_DETECTOR_H

#include "../src/detect/engine.h"

/* What the commands that look at text without a policy share: the rules, and a scan over them. */
struct detector {
    struct wd_engine *engine;
    struct wd_findings findings;
    struct wd_scan scan; /* direction and actions are the command's to set */
};

/* False, with a message on stderr that names the command, when the rules or memory are not to be had. */
bool detector_init(struct detector *d, const char *command);
void detector_deinit(struct detector *d);

#endif
