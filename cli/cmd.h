#ifndef WARDER_CMD_H
#define WARDER_CMD_H

/* argv[0] is the name of the subcommand. Each returns the exit status. */
int cmd_token(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_redact(int argc, char **argv);

#endif
