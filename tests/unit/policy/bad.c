#include "support.h"

/* Files that must not start, and the whole text of the error. */
struct bad_case {
    const char *title;
    const char *text;
    const char *error;
    const char *environ; /* NAME=VALUE in lines */
};

#define A_PROVIDER(rest)                                                                                                         \
    "providers: {a: {format: openai, url: \"https://a.example\", keys: [env:K], models: [m]" rest "}}\n" ROLES
#define A_URL(url) "providers:\n  a: {format: openai, keys: [env:K], models: [m], url: \"" url "\"}\n" ROLES
#define A_KEY(key) "providers:\n  a: {format: openai, url: https://h.example, models: [m], keys: [\"" key "\"]}\n" ROLES
#define A_ROLE(role) PROVIDERS "roles: {r: " role "}\n"

#define TOP                                                                                                                      \
    "listen, tls, admin, address_limit, state, store, store_timeout, on_store_failure, replicas, workers, user_limits, "         \
    "providers, roles, models, "                                                                                                 \
    "input, detect, rules, isolation, fallback, "                                                                                \
    "refusal, "                                                                                                                  \
    "audit, "                                                                                                                    \
    "alerts"
#define PATTERN                                                                                                                  \
    "a regular expression of 1 to 512 printable ASCII characters without blanks, no repeat above 1000, that does not match "     \
    "the empty text"
#define UNBUILT "asks for what is not available in this version"
#define LIMIT "N/WINDOW such as 100/60s, N from 1 to 1000000000, WINDOW from 1s to 31d, or null"
#define LIMITS                                                                                                                   \
    "a list of 1 to 4, each {requests: N/WINDOW}, {tokens: N/WINDOW} or {usd: N/WINDOW}, N from 1 to 1000000000 requests, 1 to " \
    "1000000000000 tokens, 0.000001 to 1000000 dollars, WINDOW from 1s to 31d, or null"
#define PRICE "0 to 1000000, up to six digits after the point, or null"
#define PRICED "an entry of models with a price whose glob covers it, such as \"*\": {price: {input: 2.50, output: 10}}"
#define URL "https://HOST[:PORT][/PATH]; http:// to a loopback host only, as it sends the key in the clear"
#define PATH "a path of up to 1024 bytes, absolute or from the folder of this file, without quotes, \\ $ ; { }, or null"
#define ADDRESS "IPv4:PORT, [IPv6]:PORT or localhost:PORT, the port from 1 to 65535"
#define NAMES " names of 1 to 128 printable ASCII characters, * any run, ? any one"
#define QUOTE "neither & nor * nor ! without quotes"
#define ROLE_PROVIDERS "a list of names from providers, or [\"*\"]"

static const struct bad_case bad_cases[] = {
    /* the file as YAML */
    { "only a comment", "# nothing\n", "p.yaml:1: policy: holds no settings (accepted: a map of settings)" },
    { "a list", "- listen\n", "p.yaml:1: policy: holds no settings (accepted: a map of settings)" },
    { "no YAML", "listen: [\n", "p.yaml:2: policy: did not find expected node content (accepted: YAML)" },
    { "an unquoted star", "roles:\n  r: {providers: [*]}\n",
      "p.yaml:2: policy: did not find expected alphabetic or numeric character (accepted: YAML)" },
    { "tab as indent", "input:\n\tsanitize: true\n",
      "p.yaml:2: policy: found character that cannot start any token (accepted: YAML)" },
    { "an anchor", "refusal: error\nlisten: &x 127.0.0.1:1\n", "p.yaml:2: listen: has an anchor or alias (accepted: " QUOTE ")" },
    { "an anchor on a map", "input: &x\n  sanitize: true\n", "p.yaml:1: input: has an anchor or alias (accepted: " QUOTE ")" },
    { "an anchor on a list", "fallback: &x []\n", "p.yaml:1: fallback: has an anchor or alias (accepted: " QUOTE ")" },
    { "an alias", "listen: *x\n", "p.yaml:1: listen: has an anchor or alias (accepted: " QUOTE ")" },
    { "an alias as a key", "*x : 1\n", "p.yaml:1: policy: has an anchor or alias (accepted: " QUOTE ")" },
    { "an alias to itself", "input: {a: [*x]}\n", "p.yaml:1: input.a: has an anchor or alias (accepted: " QUOTE ")" },
    { "a tag", "listen: !!str 127.0.0.1:1\n", "p.yaml:1: listen: has a tag (accepted: " QUOTE ")" },
    { "a tag without a name", "listen: ! x\n", "p.yaml:1: listen: has a tag (accepted: " QUOTE ")" },
    { "a tag on a map", "input: !x {}\n", "p.yaml:1: input: has a tag (accepted: " QUOTE ")" },
    { "a tag on a key", "!x input: {}\n", "p.yaml:1: policy: has a tag (accepted: " QUOTE ")" },
    { "a version directive", "%YAML 1.1\n---\nlisten: x\n", "p.yaml:1: policy: has a % directive (accepted: none)" },
    { "a tag directive", "%TAG ! tag:x,2000:\n---\nlisten: x\n", "p.yaml:1: policy: has a % directive (accepted: none)" },
    { "a second document", REST "---\n" REST, "p.yaml:3: policy: starts a second document (accepted: one document)" },
    { "a list as a key", "? [a]\n: b\n", "p.yaml:1: policy: has a key that is no plain word" },
    { "a map as a key", "input:\n  {a: b}: c\n", "p.yaml:2: input: has a key that is no plain word" },
    { "a key twice", "refusal: error\nlisten: 127.0.0.1:1\nrefusal: native\n",
      "p.yaml:3: refusal: is given twice, first on line 1" },
    { "a provider twice", "providers:\n  a: {}\n  b: {}\n  a: {}\n", "p.yaml:4: providers.a: is given twice, first on line 2" },
    { "a key twice, once escaped", "\"listen\": x\n\"l\\x69sten\": y\n", "p.yaml:2: listen: is given twice, first on line 1" },
    { "a merge key", "input:\n  <<: {sanitize: false}\n",
      "p.yaml:2: input.<<: is not a known key (accepted: message_chars, temperature, max_tokens, attachments, sanitize, "
      "body_bytes)" },
    { "nested too deeply", "input: [[[[[[[[[1]]]]]]]]]\n", "p.yaml:1: input: is nested too deeply (accepted: 8 levels)" },
    { "a control character", "refusal: error\n# \x01\n", "p.yaml:2: policy: holds a control character (accepted: UTF-8 text)" },
    { "DEL", "refusal: error\x7f\n", "p.yaml:1: policy: holds a control character (accepted: UTF-8 text)" },
    { "NEL", "refusal: error\n\n# \xc2\x85\n", "p.yaml:3: policy: holds a control character (accepted: UTF-8 text)" },
    { "no UTF-8", "refusal: error\n# \xff\n", "p.yaml:2: policy: is not UTF-8 (accepted: UTF-8 text)" },
    { "NUL by escape", "refusal: \"a\\0b\"\n", "p.yaml:1: refusal: holds a control character (accepted: text of one line)" },
    { "newline by escape", "state: \"a\\nb\"\n", "p.yaml:1: state: holds a control character (accepted: text of one line)" },
    { "newline by block", "state: |\n  a\n  b\n", "p.yaml:1: state: holds a control character (accepted: text of one line)" },
    { "control character in a key", "\"a\\x1b\": 1\n",
      "p.yaml:1: policy: holds a control character (accepted: text of one line)" },

    /* keys and kinds */
    { "unknown key", "refusal: error\nlissten: x\n" REST, "p.yaml:2: lissten: is not a known key (accepted: " TOP ")" },
    { "unknown key with the name of a whole path", "input.sanitize: false\n" REST,
      "p.yaml:1: input.sanitize: is not a known key (accepted: " TOP ")" },
    { "another letter case", "Listen: x\n" REST, "p.yaml:1: Listen: is not a known key (accepted: " TOP ")" },
    { "an empty key", "\"\": x\n" REST, "p.yaml:1: ...: is not a known key (accepted: " TOP ")" },
    { "unknown key deep down", "input:\n  temperature:\n    min: 0\n    mox: 1\n" REST,
      "p.yaml:4: input.temperature.mox: is not a known key (accepted: min, max)" },
    { "unknown key of a provider", A_PROVIDER(", organisation: x"),
      "p.yaml:1: providers.a.organisation: is not a known key (accepted: format, url, ca_file, keys, key_prefix, models, limit, "
      "user_limit, limits, user_limits, connect_timeout, read_timeout)" },
    { "unknown key of a role", A_ROLE("{providers: [a], model: x}"),
      "p.yaml:2: roles.r.model: is not a known key (accepted: providers, tools, limit, limits)" },
    { "F30: a provider key as a key is not shown", "sk-ant-api03-0123456789abcdef: 1\n" REST,
      "p.yaml:1: ...: is not a known key (accepted: " TOP ")" },
    { "no value", "listen:\n" REST, "p.yaml:1: listen: has no value (accepted: " ADDRESS ")" },
    { "no value of a limit", A_ROLE("{providers: [a], limit: }"), "p.yaml:2: roles.r.limit: has no value (accepted: " LIMIT ")" },
    { "no value of a group", "detect:\n" REST, "p.yaml:1: detect: has no value (accepted: a map, or null)" },
    { "null where a value is needed", "listen: null\n" REST, "p.yaml:1: listen: must not be null (accepted: " ADDRESS ")" },
    { "null as replacement", "detect: {replacement: ~}\n" REST,
      "p.yaml:1: detect.replacement: must not be null (accepted: 1 to 64 printable ASCII characters without quotes and "
      "backslash)" },
    { "a list for a value", "state: [a]\n" REST,
      "p.yaml:1: state: is not a single value (accepted: a path of up to 1024 bytes, absolute or from the folder of this file, "
      "without quotes, \\ $ ; { })" },
    { "a value for a map", "input: strict\n" REST, "p.yaml:1: input: is not a map (accepted: a map, or null)" },
    { "a value for a list", "input: {attachments: image}\n" REST,
      "p.yaml:1: input.attachments: is not a list (accepted: a list of image, audio, video, file)" },

    /* listeners */
    { "F33: listener on all interfaces without tls", "listen: 0.0.0.0:8484\n" REST,
      "p.yaml:1: listen: is open to other machines without tls (accepted: a loopback address, or tls with cert and key)" },
    { "F33: listener on all interfaces by IPv6", "refusal: error\nlisten: \"[::]:8484\"\n" REST,
      "p.yaml:2: listen: is open to other machines without tls (accepted: a loopback address, or tls with cert and key)" },
    { "F33: a loopback address mapped to IPv6", "listen: \"[::ffff:127.0.0.1]:8484\"\n" REST,
      "p.yaml:1: listen: is open to other machines without tls (accepted: a loopback address, or tls with cert and key)" },
    { "F33: admin on all interfaces, tls or not", "tls: {cert: cert.pem, key: key.pem}\nadmin: 0.0.0.0:8485\n" REST,
      "p.yaml:2: admin: is not a loopback address (accepted: 127.0.0.0/8 or ::1)" },
    { "a host name", "listen: gateway.example:8484\n" REST, "p.yaml:1: listen: is not valid (accepted: " ADDRESS ")" },
    { "a short address", "listen: 127.1:8484\n" REST, "p.yaml:1: listen: is not valid (accepted: " ADDRESS ")" },
    { "no port", "listen: 127.0.0.1\n" REST, "p.yaml:1: listen: is not valid (accepted: " ADDRESS ")" },
    { "port 0", "listen: 127.0.0.1:0\n" REST, "p.yaml:1: listen: is out of range (accepted: " ADDRESS ")" },
    { "port 65536", "admin: 127.0.0.1:65536\n" REST, "p.yaml:1: admin: is out of range (accepted: " ADDRESS ")" },
    { "the same address", "listen: localhost:9000\nadmin: 127.0.0.1:9000\n" REST,
      "p.yaml:2: admin: is the address of listen (accepted: another port)" },
    { "the same port below all addresses",
      "tls: {cert: cert.pem, key: key.pem}\nlisten: 0.0.0.0:9000\nadmin: 127.0.0.1:9000\n" REST,
      "p.yaml:3: admin: is the address of listen (accepted: another port)" },
    { "tls without key", "refusal: error\ntls: {cert: cert.pem}\n" REST,
      "p.yaml:2: tls: is not whole (accepted: cert and key, or null)" },
    { "tls without anything", "tls: {}\n" REST, "p.yaml:1: tls: is not whole (accepted: cert and key, or null)" },
    { "tls with a file that is not there", "tls:\n  cert: nope.pem\n  key: key.pem\n" REST,
      "p.yaml:2: tls.cert: does not exist (accepted: a PEM file)" },
    { "tls with a key that others can read", "tls:\n  cert: cert.pem\n  key: open.pem\n" REST,
      "p.yaml:3: tls.key: is open to others than its owner (accepted: a PEM file of mode 0600)" },
    { "tls with a folder", "tls: {cert: ., key: key.pem}\n" REST,
      "p.yaml:1: tls.cert: is not a regular file (accepted: a PEM file)" },
    { "a path that could end a word", "state: a;b\n" REST,
      "p.yaml:1: state: is not valid (accepted: a path of up to 1024 bytes, absolute or from the folder of this file, without "
      "quotes, \\ $ ; { })" },

    /* providers */
    { "no providers", ROLES, "p.yaml:1: providers: is missing (accepted: a map of 1 to 64 providers)" },
    { "providers: null", "providers: null\n" ROLES, "p.yaml:1: providers: is not a map (accepted: a map of 1 to 64 providers)" },
    { "providers: {}", "providers: {}\n" ROLES, "p.yaml:1: providers: is empty (accepted: a map of 1 to 64 providers)" },
    { "a provider that is no map", "providers: {a: b}\n" ROLES,
      "p.yaml:1: providers.a: is not a map (accepted: a map of its settings)" },
    { "a provider of the name of a route", "providers: {v1: {}}\n" ROLES,
      "p.yaml:1: providers.v1: is not a usable name (accepted: 1 to 32 of a-z, 0-9 and -, no - first, no word of a route such as "
      "v1 "
      "or models)" },
    { "a provider with capitals", "providers: {OpenAI: {}}\n" ROLES,
      "p.yaml:1: providers.OpenAI: is not a usable name (accepted: 1 to 32 of a-z, 0-9 and -, no - first, no word of a route "
      "such "
      "as "
      "v1 or models)" },
    { "a provider without format",
      "refusal: error\nproviders:\n  a: {url: https://h.example, keys: [env:K], models: [m]}\n" ROLES,
      "p.yaml:3: providers.a.format: is missing (accepted: openai, anthropic, google)" },
    { "a provider without url", "providers: {a: {format: openai, keys: [env:K], models: [m]}}\n" ROLES,
      "p.yaml:1: providers.a.url: is missing (accepted: " URL ")" },
    { "a provider without keys", "providers: {a: {format: openai, url: https://h.example, models: [m]}}\n" ROLES,
      "p.yaml:1: providers.a.keys: is missing (accepted: a list of 1 to 8, each env:NAME or file:PATH)" },
    { "a provider without models", "providers: {a: {format: openai, url: https://h.example, keys: [env:K]}}\n" ROLES,
      "p.yaml:1: providers.a.models: is missing (accepted: a list of 1 to 256" NAMES ")" },
    { "an empty list of models", "providers:\n  a: {format: openai, url: https://h.example, keys: [env:K], models: []}\n" ROLES,
      "p.yaml:2: providers.a.models: is an empty list (accepted: a list of 1 to 256" NAMES ")" },
    { "an empty list of keys", "providers:\n  a: {format: openai, url: https://h.example, keys: [], models: [m]}\n" ROLES,
      "p.yaml:2: providers.a.keys: is an empty list (accepted: a list of 1 to 8, each env:NAME or file:PATH)" },
    { "too many keys",
      "providers:\n  a: {format: openai, url: https://h.example, models: [m], keys: [env:A, env:B, env:C, env:D, env:E, env:F, "
      "env:G, "
      "env:H, env:I]}\n" ROLES,
      "p.yaml:2: providers.a.keys: has too many items (accepted: a list of 1 to 8, each env:NAME or file:PATH)" },
    { "an empty model",
      "providers:\n  a: {format: openai, url: https://h.example, keys: [env:K], models:\n    [m,\n     \"\"]}\n" ROLES,
      "p.yaml:4: providers.a.models: is not valid (accepted: a list of 1 to 256" NAMES ")" },
    { "a model that is null", "providers: {a: {format: openai, url: https://h.example, keys: [env:K], models: [null]}}\n" ROLES,
      "p.yaml:1: providers.a.models: has an item that is no text (accepted: a list of 1 to 256" NAMES ")" },
    { "a format that is not known",
      "providers: {a: {format: cohere, url: https://h.example, keys: [env:K], models: [m]}}\n" ROLES,
      "p.yaml:1: providers.a.format: is not valid (accepted: openai, anthropic, google)" },
    { "F14: a limit of 0", A_PROVIDER(", limit: 0/60s"), "p.yaml:1: providers.a.limit: is out of range (accepted: " LIMIT ")" },
    { "F14: a limit without unit", A_PROVIDER(", limit: 100/60"),
      "p.yaml:1: providers.a.limit: is not valid (accepted: " LIMIT ")" },
    { "F14: a limit without window", A_PROVIDER(", user_limit: 100"),
      "p.yaml:1: providers.a.user_limit: is not valid (accepted: " LIMIT ")" },
    { "F14: a limit of a list", A_PROVIDER(", limit: [100/60s]"),
      "p.yaml:1: providers.a.limit: is not a single value (accepted: " LIMIT ")" },
    { "F14: a window of 32 days", "address_limit: 1/32d\n" REST,
      "p.yaml:1: address_limit: is out of range (accepted: " LIMIT ")" },
    { "F14: a ca_file that would not be used",
      "providers: {a: {format: openai, url: \"http://localhost:1\", ca_file: cert.pem, keys: [env:K], models: [m]}}\n" ROLES,
      "p.yaml:1: providers.a.ca_file: has no effect on an http:// url (accepted: null, or an https:// url)" },
    { "a ca_file that is not there", A_PROVIDER(", ca_file: nope.pem"),
      "p.yaml:1: providers.a.ca_file: does not exist (accepted: a PEM file)" },
    { "a ca_file that is empty text", A_PROVIDER(", ca_file: \"\""),
      "p.yaml:1: providers.a.ca_file: is not valid (accepted: " PATH ")" },
    { "a timeout of 0", A_PROVIDER(", connect_timeout: 0s"),
      "p.yaml:1: providers.a.connect_timeout: is out of range (accepted: 1s to 60s, with s, m, h or d)" },
    { "a timeout too long", A_PROVIDER(", read_timeout: 61m"),
      "p.yaml:1: providers.a.read_timeout: is out of range (accepted: 1s to 3600s, with s, m, h or d)" },

    /* where a key may travel */
    { "http to another machine", A_URL("http://h.example"),
      "p.yaml:2: providers.a.url: would send the key in the clear (accepted: " URL ")" },
    { "http to a name that begins as loopback", A_URL("http://127.0.0.1.h.example"),
      "p.yaml:2: providers.a.url: would send the key in the clear (accepted: " URL ")" },
    { "F31: a user name in the url", A_URL("https://api.openai.com@evil.example"),
      "p.yaml:2: providers.a.url: must hold no user name, query or fragment (accepted: " URL ")" },
    { "a query", A_URL("https://h.example/?key=x"),
      "p.yaml:2: providers.a.url: must hold no user name, query or fragment (accepted: " URL ")" },
    { "another scheme", A_URL("ftp://h.example"), "p.yaml:2: providers.a.url: is not an http or https URL (accepted: " URL ")" },
    { "no host", A_URL("https:///v1"), "p.yaml:2: providers.a.url: has no valid host (accepted: " URL ")" },
    { "an address as one number", A_URL("http://2130706433"),
      "p.yaml:2: providers.a.url: has no valid host (accepted: " URL ")" },
    { "an address in hexadecimal", A_URL("https://0x7f.0x1"),
      "p.yaml:2: providers.a.url: has no valid host (accepted: " URL ")" },
    { "port 0 at a provider", A_URL("https://h.example:0"), "p.yaml:2: providers.a.url: has no valid port (accepted: " URL ")" },
    { "a path that climbs", A_URL("https://h.example/a/../b"),
      "p.yaml:2: providers.a.url: has a path of other than plain segments (accepted: " URL ")" },

    /* keys in the file */
    { "F30: a key in the policy is not shown", A_KEY("sk-ant-api03-verysecret"),
      "p.yaml:2: providers.a.keys: must be env:NAME or file:PATH (accepted: a list of 1 to 8, each env:NAME or file:PATH)" },
    { "F30: a key in the place of a variable is not shown", A_KEY("env:AIzaSyA0123456789verysecret"),
      "p.yaml:2: providers.a.keys: does not name a variable (accepted: a list of 1 to 8, each env:NAME or file:PATH)" },
    { "F30: a key in the place of a path is not shown", A_KEY("file:sk-proj-verysecret"),
      "p.yaml:2: providers.a.keys: does not name a file (accepted: a list of 1 to 8, each env:NAME or file:PATH)" },
    { "no name of a variable", A_KEY("env:"),
      "p.yaml:2: providers.a.keys: does not name a variable (accepted: a list of 1 to 8, each env:NAME or file:PATH)" },
    { "a whole key as key_prefix", A_PROVIDER(", key_prefix: sk-proj-verysecret"),
      "p.yaml:1: providers.a.key_prefix: looks like a whole key (accepted: 1 to 32 letters, digits, - and _, or null)" },

    /* roles */
    { "no roles", PROVIDERS, "p.yaml:1: roles: is missing (accepted: a map of 1 to 64 roles)" },
    { "roles: {}", PROVIDERS "roles: {}\n", "p.yaml:2: roles: is empty (accepted: a map of 1 to 64 roles)" },
    { "a role without providers", A_ROLE("{tools: [x]}"),
      "p.yaml:2: roles.r.providers: is missing (accepted: " ROLE_PROVIDERS ")" },
    { "F14: a role with an empty list of providers", A_ROLE("{providers: []}"),
      "p.yaml:2: roles.r.providers: is an empty list (accepted: " ROLE_PROVIDERS ")" },
    { "F22: a role that names what is not configured", A_ROLE("{providers: [a, openai]}"),
      "p.yaml:2: roles.r.providers: names openai, which is not in providers (accepted: " ROLE_PROVIDERS ")" },
    { "a role of two words", PROVIDERS "roles: {\"a b\": {providers: [a]}}\n",
      "p.yaml:2: roles....: is not a usable name (accepted: 1 to 32 letters, digits, - and _, a letter or digit first)" },
    { "F22: a role's limit of 0", A_ROLE("{providers: [a], limit: 0/1h}"),
      "p.yaml:2: roles.r.limit: is out of range (accepted: " LIMIT ")" },

    /* requests, tokens and money */
    { "limits that are no list", A_ROLE("{providers: [a], limits: 10/1h}"),
      "p.yaml:2: roles.r.limits: is not a list (accepted: " LIMITS ")" },
    { "F14: limits of nothing", A_ROLE("{providers: [a], limits: []}"),
      "p.yaml:2: roles.r.limits: is an empty list (accepted: " LIMITS ")" },
    { "more limits than are counted",
      A_ROLE("{providers: [a], limits: [{tokens: 1/1s}, {tokens: 1/2s}, {tokens: 1/3s}, {tokens: 1/4s}, {tokens: 1/5s}]}"),
      "p.yaml:2: roles.r.limits: has too many items (accepted: " LIMITS ")" },
    { "a limit without a unit", A_ROLE("{providers: [a], limits: [10/1h]}"),
      "p.yaml:2: roles.r.limits: has an item that is no map of one unit (accepted: " LIMITS ")" },
    { "a limit of two units", A_ROLE("{providers: [a], limits: [{tokens: 10/1h, requests: 1/1s}]}"),
      "p.yaml:2: roles.r.limits: has an item that is no map of one unit (accepted: " LIMITS ")" },
    { "a limit of no value", A_ROLE("{providers: [a], limits: [{tokens: null}]}"),
      "p.yaml:2: roles.r.limits: has an item that is no map of one unit (accepted: " LIMITS ")" },
    { "a unit that is none", "user_limits:\n  - tokens: 10/1h\n  - euro: 5/1d\n" REST,
      "p.yaml:3: user_limits: counts euro, which is no unit (accepted: " LIMITS ")" },
    { "F22: tokens: 0", "user_limits: [{tokens: 0/1h}]\n" REST, "p.yaml:1: user_limits: is out of range (accepted: " LIMITS ")" },
    { "more tokens than are counted", "user_limits: [{tokens: 1000000000001/1h}]\n" REST,
      "p.yaml:1: user_limits: is out of range (accepted: " LIMITS ")" },
    { "tokens in parts", "user_limits: [{tokens: 1.5/1h}]\n" REST, "p.yaml:1: user_limits: is not valid (accepted: " LIMITS ")" },
    { "a window above 31 days", "user_limits: [{tokens: 5/32d}]\n" REST,
      "p.yaml:1: user_limits: is out of range (accepted: " LIMITS ")" },
    { "more requests than are counted", "user_limits: [{requests: 1000000001/1h}]\n" REST,
      "p.yaml:1: user_limits: is out of range (accepted: " LIMITS ")" },
    { "F22: usd: 0", "user_limits: [{usd: 0.000000/1d}]\n" REST,
      "p.yaml:1: user_limits: is out of range (accepted: " LIMITS ")" },
    { "usd below a millionth", "user_limits: [{usd: 0.0000001/1d}]\n" REST,
      "p.yaml:1: user_limits: is not valid (accepted: " LIMITS ")" },
    { "usd above a million", "user_limits: [{usd: 1000000.000001/1d}]\n" REST,
      "p.yaml:1: user_limits: is out of range (accepted: " LIMITS ")" },
    { "usd with a sign", "user_limits: [{usd: $5/1d}]\n" REST, "p.yaml:1: user_limits: is not valid (accepted: " LIMITS ")" },
    { "an unknown key of a model", "models: {\"*\": {cost: 1}}\n" REST,
      "p.yaml:1: models.*.cost: is not a known key (accepted: price, limits, user_limits)" },
    { "a price for input alone", "models:\n  gpt-4.1*:\n    price: {input: 1}\n" REST,
      "p.yaml:3: models.gpt-4.1*.price: is not whole (accepted: input and output)" },
    { "a price below a millionth", "models: {m: {price: {input: 0.0000001, output: 1}}}\n" REST,
      "p.yaml:1: models.m.price.input: is not valid (accepted: " PRICE ")" },
    { "a price above a million", "models: {m: {price: {input: 1, output: 1000000.1}}}\n" REST,
      "p.yaml:1: models.m.price.output: is out of range (accepted: " PRICE ")" },
    { "a negative price", "models: {m: {price: {input: -1, output: 1}}}\n" REST,
      "p.yaml:1: models.m.price.input: is not valid (accepted: " PRICE ")" },
    { "F14: a model about which nothing is said", "models: {m: {}}\n" REST,
      "p.yaml:1: models.m: says nothing (accepted: price, limits or user_limits)" },
    { "a model of two words", "models: {\"a b\": {limits: [{tokens: 1/1s}]}}\n" REST,
      "p.yaml:1: models....: is not a usable name (accepted: 1 to 128 printable ASCII characters without blanks, * any run, ? "
      "any "
      "one)" },
    { "F14: limits of a model that nobody has", "models: {gtp-*: {limits: [{tokens: 1/1s}]}}\n" A_PROVIDER(""),
      "p.yaml:1: models.gtp-*: limits models that no provider has (accepted: a glob that meets one of providers.*.models)" },
    { "F14: usd without a price", "user_limits: [{tokens: 1/1h}, {usd: 5/1d}]\n" REST,
      "p.yaml:1: user_limits: counts usd, and * of the provider a has no price (accepted: " PRICED ")" },
    { "F14: usd of a provider without a price",
      "models: {gpt-?: {price: {input: 1, output: 1}}, x: {price: {input: 1, output: 1}}}\nproviders:\n  a: {format: openai, "
      "url: "
      "https://h.example, keys: [env:K], models: [gpt-?, gpt-*]\n    , limits: [{usd: 5/1d}]}\n" ROLES,
      "p.yaml:4: providers.a.limits: counts usd, and gpt-* of the provider a has no price (accepted: " PRICED ")" },
    { "F14: usd of each user of a provider", A_PROVIDER(", user_limits: [{usd: 5/1d}]"),
      "p.yaml:1: providers.a.user_limits: counts usd, and m of the provider a has no price (accepted: " PRICED ")" },
    { "F14: usd of a role without a price", A_ROLE("{providers: [a], limits: [{usd: 5/1d}]}"),
      "p.yaml:2: roles.r.limits: counts usd, and * of the provider a has no price (accepted: " PRICED ")" },
    { "F14: usd of a model without a price",
      "models:\n  m:\n    user_limits: [{usd: 5/1d}]\n  x*: {price: {input: 1, output: 1}}\n" REST,
      "p.yaml:3: models.m.user_limits: counts usd, and there is no price (accepted: " PRICED ")" },

    /* bounds */
    { "a negative number", "input: {message_chars: {min: -1}}\n" REST,
      "p.yaml:1: input.message_chars.min: is not valid (accepted: 0 to 1000000)" },
    { "a number with a leading zero", "input: {max_tokens: {max: 010}}\n" REST,
      "p.yaml:1: input.max_tokens.max: is not valid (accepted: 1 to 10000000)" },
    { "a number too large to hold", "input: {max_tokens: {max: 99999999999999999999}}\n" REST,
      "p.yaml:1: input.max_tokens.max: is out of range (accepted: 1 to 10000000)" },
    { "a number that wraps 32 bits", "input: {max_tokens: {max: 4294967297}}\n" REST,
      "p.yaml:1: input.max_tokens.max: is out of range (accepted: 1 to 10000000)" },
    { "temperature nan", "input: {temperature: {max: .nan}}\n" REST,
      "p.yaml:1: input.temperature.max: is not valid (accepted: a number from 0 to 10)" },
    { "temperature above", "input: {temperature: {max: 10.5}}\n" REST,
      "p.yaml:1: input.temperature.max: is out of range (accepted: a number from 0 to 10)" },
    { "max below min", "input:\n  temperature:\n    min: 1.5\n    max: 1\n" REST,
      "p.yaml:4: input.temperature.max: is below min (accepted: min up to 1, max from 1.5)" },
    { "min above the default of max", "input:\n  max_tokens:\n    min: 5000\n" REST,
      "p.yaml:2: input.max_tokens.max: is below min (accepted: min up to 4096, max from 5000)" },
    { "body_bytes too small", "input: {body_bytes: 1023}\n" REST,
      "p.yaml:1: input.body_bytes: is out of range (accepted: 1KiB to 64MiB, or plain bytes)" },
    { "body_bytes in gigabytes", "input: {body_bytes: 1GiB}\n" REST,
      "p.yaml:1: input.body_bytes: is not valid (accepted: 1KiB to 64MiB, or plain bytes)" },
    { "workers: 0", "workers: 0\n" REST, "p.yaml:1: workers: is out of range (accepted: 1 to 64, or null)" },
    { "an attachment that is not known", "input: {attachments: [image, pdf]}\n" REST,
      "p.yaml:1: input.attachments: is not valid (accepted: a list of image, audio, video, file)" },
    { "an action that is not known", "detect:\n  input:\n    pii: block\n" REST,
      "p.yaml:3: detect.input.pii: is not valid (accepted: refuse, redact, flag, off)" },
    { "a bool that is none", "input: {sanitize: maybe}\n" REST,
      "p.yaml:1: input.sanitize: is not valid (accepted: true, false)" },
    { "a replacement that could leave a string", "detect: {replacement: 'a\"b'}\n" REST,
      "p.yaml:1: detect.replacement: is not valid (accepted: 1 to 64 printable ASCII characters without quotes and backslash)" },

    /* F14: a control that is asked for and does not exist */
    { "F14: isolation without enabled", "isolation: {scope: user}\n" REST,
      "p.yaml:1: isolation: does not say whether it is enabled (accepted: enabled: true or false)" },
    { "F14: a header that scope user never reads", "isolation: {enabled: true, header: x-chat}\n" REST,
      "p.yaml:1: isolation.header: has no effect with this scope (accepted: scope: conversation)" },
    { "a header of the gateway's", "isolation: {enabled: true, scope: conversation, header: x-api-key}\n" REST,
      "p.yaml:1: isolation.header: cannot name a conversation (accepted: x- and lower-case letters, digits and -; no header that "
      "the gateway reads already)" },
    { "isolation of what there is not", "isolation: {enabled: true, kinds: [tattoos]}\n" REST,
      "p.yaml:1: isolation.kinds: is not valid (accepted: a list of secrets, cards, bank_accounts, national_ids, email, phone, "
      "address, birth_date, ip, mac, crypto, medical_licence, custom)" },
    { "F14: fallback", "fallback: [{model: x, to: a/b, on: [429]}]\n" REST, "p.yaml:1: fallback: " UNBUILT " (accepted: [])" },
    { "F14: alerts", "alerts:\n  - x\n" REST, "p.yaml:1: alerts: " UNBUILT " (accepted: [])" },
    { "F14: sealed records", "audit: {encrypt_to: age1x}\n" REST, "p.yaml:1: audit.encrypt_to: " UNBUILT " (accepted: null)" },
    { "F14: a score that no text reaches", "detect: {injection_score: {user: 2}}\n" REST,
      "p.yaml:1: detect.injection_score.user: is out of range (accepted: a number from 0 to 1)" },

    /* rules of the policy's own */
    { "a rule that is not known", "rules:\n  off:\n    - nonesuch\n" REST,
      "p.yaml:2: rules.off: names nonesuch, which is no rule (accepted: ids that `warder rules list` prints)" },
    { "a rule without a pattern", "rules:\n  add:\n    acme: {severity: high}\n" REST,
      "p.yaml:3: rules.add.acme.pattern: is missing (accepted: " PATTERN ")" },
    { "an id that is taken", "rules:\n  add:\n    email: {pattern: abc}\n" REST,
      "p.yaml:3: rules.add.email: is not a usable name (accepted: 1 to 64 of a-z, 0-9 and -, a letter first, no id of a rule "
      "that there is)" },
    { "a pattern that is not closed", "rules:\n  add:\n    acme:\n      pattern: 'ac[me'\n" REST,
      "p.yaml:4: rules.add.acme.pattern: is not a pattern that can be matched in bounded time: Unterminated character class "
      "starting at index 2. (accepted: " PATTERN ")" },
    { "a pattern with a backreference", "rules:\n  add:\n    acme:\n      pattern: '(ab)\\1'\n" REST,
      "p.yaml:4: rules.add.acme.pattern: is not a pattern that can be matched in bounded time: Back-references "
      "are unsupported. (accepted: " PATTERN ")" },
    { "a pattern that matches the empty text", "rules:\n  add:\n    acme:\n      pattern: 'a*'\n" REST,
      "p.yaml:4: rules.add.acme.pattern: matches the empty text (accepted: " PATTERN ")" },
    { "a pattern that would blow up", "rules:\n  add:\n    acme:\n      pattern: '((a{1,100}){1,100}){1,100}'\n" REST,
      "p.yaml:4: rules.add.acme.pattern: repeats too often (accepted: " PATTERN ")" },
    { "a pattern with a blank", "rules:\n  add:\n    acme:\n      pattern: 'a b'\n" REST,
      "p.yaml:4: rules.add.acme.pattern: is not valid (accepted: " PATTERN ")" },
    { "a severity that is none", "rules:\n  add:\n    acme: {pattern: abc, severity: worst}\n" REST,
      "p.yaml:3: rules.add.acme.severity: is not valid (accepted: low, medium, high, critical)" },
    { "a context in capitals", "rules:\n  add:\n    acme: {pattern: abc, context: [Key]}\n" REST,
      "p.yaml:3: rules.add.acme.context: is not valid (accepted: a list of up to 32 words of 1 to 64 lower-case letters, digits, "
      "blanks, - and _)" },
    { "everything allowed", "rules: {allow: ['*']}\n" REST,
      "p.yaml:1: rules.allow: allows everything (accepted: values with a character of their own)" },
    { "a key of rules that is not known", "rules: {allowed: []}\n" REST,
      "p.yaml:1: rules.allowed: is not a known key (accepted: add, off, allow)" },
    { "F14: ENCRYPTION_ENABLED", REST, "environment: ENCRYPTION_ENABLED: " UNBUILT " (accepted: false, 0)",
      "ENCRYPTION_ENABLED=true" },

    /* the environment */
    { "a switch in another word", REST, "environment: ENABLE_RATE_LIMITING: is not valid (accepted: true, false, 1, 0)",
      "ENABLE_RATE_LIMITING=yes" },
    { "a switch in capitals", REST, "environment: ENABLE_AUDIT_LOGGING: is not valid (accepted: true, false, 1, 0)",
      "ENABLE_AUDIT_LOGGING=FALSE" },
    { "an empty switch", REST, "environment: ENABLE_OUTPUT_FILTERING: is not valid (accepted: true, false, 1, 0)",
      "ENABLE_OUTPUT_FILTERING=" },
    { "audit off in the file and on in the environment", "audit:\n  enabled: false\n" REST,
      "p.yaml:2: audit.enabled: differs from ENABLE_AUDIT_LOGGING (accepted: the same in both)", "ENABLE_AUDIT_LOGGING=1" },
    { "MAX_REQUESTS_PER_USER 0", REST, "environment: MAX_REQUESTS_PER_USER: is out of range (accepted: 1 to 10000, an hour)",
      "MAX_REQUESTS_PER_USER=0" },
    { "MAX_REQUESTS_PER_USER 10001", REST, "environment: MAX_REQUESTS_PER_USER: is out of range (accepted: 1 to 10000, an hour)",
      "MAX_REQUESTS_PER_USER=10001" },
    { "MAX_REQUESTS_PER_USER as text", REST,
      "environment: MAX_REQUESTS_PER_USER: is not a whole number (accepted: 1 to 10000, an hour)", "MAX_REQUESTS_PER_USER=1e3" },
    { "F22: ALLOWED_PROVIDERS names what is not configured", REST,
      "environment: ALLOWED_PROVIDERS: names openai, which is not in providers (accepted: names from providers, with commas "
      "between)",
      "ALLOWED_PROVIDERS=a,openai" },
    { "ALLOWED_PROVIDERS empty", REST,
      "environment: ALLOWED_PROVIDERS: names ..., which is not in providers (accepted: names from providers, with commas "
      "between)",
      "ALLOWED_PROVIDERS=" },
    { "ALLOWED_PROVIDERS with a comma at the end", REST,
      "environment: ALLOWED_PROVIDERS: names ..., which is not in providers (accepted: names from providers, with commas "
      "between)",
      "ALLOWED_PROVIDERS=a," },
    { "ALLOWED_PROVIDERS leaves a role without any",
      "providers:\n  a: {format: openai, url: https://h.example, keys: [env:K], models: [m]}\n"
      "  b: {format: openai, url: https://h.example, keys: [env:K], models: [m]}\nroles:\n  all: {providers: [\"*\"]}\n"
      "  r: {providers: [a]}\n",
      "p.yaml:6: roles.r.providers: has no provider left, since ALLOWED_PROVIDERS names none of them (accepted: a role with one "
      "of "
      "the allowed providers)",
      "ALLOWED_PROVIDERS=b" },

    /* in production nothing may be off */
    { "production: audit off in the environment", REST,
      "environment: ENABLE_AUDIT_LOGGING: switches a control off in production (accepted: true, 1)",
      "WARDER_ENV=production\nENABLE_AUDIT_LOGGING=false" },
    { "production: limits off", REST,
      "environment: ENABLE_RATE_LIMITING: switches a control off in production (accepted: true, 1)",
      "WARDER_ENV=Production\nENABLE_RATE_LIMITING=0" },
    { "production: validation off", REST,
      "environment: ENABLE_INPUT_VALIDATION: switches a control off in production (accepted: true, 1)",
      "WARDER_ENV=prod\nENABLE_INPUT_VALIDATION=0" },
    { "production: filtering off", REST,
      "environment: ENABLE_OUTPUT_FILTERING: switches a control off in production (accepted: true, 1)",
      "WARDER_ENV=production\nENABLE_OUTPUT_FILTERING=0" },
    { "production: audit off in the file", "audit: {enabled: false}\n" REST,
      "p.yaml:1: audit.enabled: switches a control off in production (accepted: true)", "WARDER_ENV=production" },
    { "production: sanitize off", "input:\n  sanitize: false\n" REST,
      "p.yaml:2: input.sanitize: switches a control off in production (accepted: true)", "WARDER_ENV=production" },
    { "isolation switched off in production", "isolation:\n  enabled: false\n" REST,
      "p.yaml:2: isolation.enabled: switches a control off in production (accepted: true, or no isolation at all)",
      "WARDER_ENV=production" },
    { "production: a category off", "detect:\n  output:\n    secret: off\n" REST,
      "p.yaml:3: detect.output.secret: switches a control off in production (accepted: refuse, redact, flag)",
      "WARDER_ENV=production" },
};

static void
test_bad(void **state)
{
    const struct bad_case *c = *state;
    struct wd_policy_error error;
    struct wd_policy *policy;
    enum wd_err err;

    support_environ = c->environ != NULL ? c->environ : "";
    err = wd_policy_parse(&policy, wd_span_str(c->text), "p.yaml", support_dir, support_getenv, &error);
    wd_policy_free(policy);
    assert_int_not_equal(err, WD_OK);
    assert_null(policy);
    assert_string_equal(error.text, c->error);
    assert_null(strstr(error.text, "verysecret"));
}

static int
bad_setup(void **state)
{
    support_setup(state);
    support_file("cert.pem", "x", 1, 0644);
    support_file("key.pem", "x", 1, 0600);
    support_file("open.pem", "x", 1, 0640);
    return 0;
}

int
main(void)
{
    static struct CMUnitTest tests[sizeof(bad_cases) / sizeof(bad_cases[0])];

    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++)
        tests[i] = (struct CMUnitTest){ bad_cases[i].title, test_bad, NULL, NULL, (void *)(uintptr_t)&bad_cases[i] };
    return cmocka_run_group_tests(tests, bad_setup, support_teardown);
}
