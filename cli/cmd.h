#ifndef WD_CMD_H
#define WD_CMD_H

/* One function a subcommand; argv[0] is its name. The answer is the exit code: 0, 1 or 2 (could not run). */
int cmd_serve(int argc, char **argv);
int cmd_token(int argc, char **argv);
int cmd_isolate(int argc, char **argv);
int cmd_keys(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_scan(int argc, char **argv);
int cmd_rules(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_redact(int argc, char **argv);
int cmd_store(int argc, char **argv);

#endif
