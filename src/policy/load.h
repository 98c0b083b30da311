#ifndef WD_LOAD_H
#define WD_LOAD_H

#include "yaml.h"

/* What the steps of one load share. */
struct wd_load {
    struct wd_policy *policy;
    const struct wd_yaml *root;
    wd_getenv_fn *env;
    struct wd_policy_error *error;
};

/* As wd_policy_load(), from memory; base_dir is absolute and file only a name for errors. */
enum wd_err wd_policy_parse(struct wd_policy **policy, struct wd_span text, const char *file, const char *base_dir,
                            wd_getenv_fn *env, struct wd_policy_error *error) WD_CHECK;

/* bind.c: defaults and then the keys of a map, whose settings are named prefix + key, into base. */
enum wd_err wd_bind(struct wd_load *load, const struct wd_yaml *map, const char *prefix, void *base) WD_CHECK;
/* environ.c: the variables, after the file is bound. */
enum wd_err wd_environ_apply(struct wd_load *load) WD_CHECK;
/* budgets.c: of `models`. */
bool wd_budgets_name(const char *name);
enum wd_err wd_budgets_model(struct wd_load *load, const struct wd_yaml *node, uint32_t index, void *item) WD_CHECK;
/* budgets.c: all limits of each scope into its list; after the environment. */
enum wd_err wd_budgets_finish(struct wd_load *load) WD_CHECK;
/* check.c: what holds between keys. */
enum wd_err wd_check_policy(struct wd_load *load) WD_CHECK;

/* own_rules.c: what the policy adds to the rules and takes from them, after the file is bound. */
enum wd_err wd_own_rules_finish(struct wd_load *load) WD_CHECK;
/* own_rules.c: may a rule of the policy's own have this id? */
bool wd_own_rules_name(const char *name);

/* environ.c: in production, what the file switches off is an error. */
enum wd_err wd_environ_production(struct wd_load *load) WD_CHECK;

/* An error at the node of a path; where the file has none, on the line of the map that lacks it. Returns err. */
enum wd_err wd_load_fail(struct wd_load *load, enum wd_err err, const char *path, const char *what,
                         const char *accepted) WD_CHECK;

#endif
