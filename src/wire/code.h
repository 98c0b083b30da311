#ifndef WD_CODE_H
#define WD_CODE_H

#include "../base/buf.h"
#include "../policy/policy.h"

/*
 * Every refusal: machine code, HTTP status, the error type of OpenAI, of Anthropic, the status of Google (google.rpc.Code),
 * and a default message. DESIGN 4.3.
 */
#define WD_CODES(X)                                                                                                              \
    X(INVALID_JSON, "invalid_json", 400, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT")                   \
    X(INVALID_REQUEST, "invalid_request", 400, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT")             \
    X(UNSUPPORTED_PARAMETER, "unsupported_parameter", 400, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT") \
    X(MESSAGE_TOO_LONG, "message_too_long", 400, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT")           \
    X(UNINSPECTABLE_CONTENT, "uninspectable_content", 400, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT") \
    X(MALICIOUS_CONTENT, "malicious_content", 400, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT")         \
    X(INJECTION_DETECTED, "injection_detected", 400, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT")       \
    X(SECRET_DETECTED, "secret_detected", 400, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT")             \
    X(PII_DETECTED, "pii_detected", 400, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT")                   \
    X(INVALID_TOKEN, "invalid_token", 401, "authentication_error", "authentication_error", "UNAUTHENTICATED")                    \
    X(PROVIDER_NOT_ALLOWED, "provider_not_allowed", 403, "permission_error", "permission_error", "PERMISSION_DENIED")            \
    X(MODEL_NOT_ALLOWED, "model_not_allowed", 403, "permission_error", "permission_error", "PERMISSION_DENIED")                  \
    X(TOOL_NOT_ALLOWED, "tool_not_allowed", 403, "permission_error", "permission_error", "PERMISSION_DENIED")                    \
    X(DATA_ISOLATION_VIOLATION, "data_isolation_violation", 403, "permission_error", "permission_error", "PERMISSION_DENIED")    \
    X(UNKNOWN_ROUTE, "unknown_route", 404, "invalid_request_error", "not_found_error", "NOT_FOUND")                              \
    X(REQUEST_TOO_LARGE, "request_too_large", 413, "invalid_request_error", "request_too_large", "INVALID_ARGUMENT")             \
    X(RATE_LIMIT_EXCEEDED, "rate_limit_exceeded", 429, "rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED")             \
    X(BUDGET_EXCEEDED, "budget_exceeded", 429, "rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED")                     \
    X(PROVIDER_UNAVAILABLE, "provider_unavailable", 502, "server_error", "api_error", "UNAVAILABLE")                             \
    X(PROVIDER_INVALID_RESPONSE, "provider_invalid_response", 502, "server_error", "api_error", "UNAVAILABLE")                   \
    X(PROVIDER_TIMEOUT, "provider_timeout", 504, "server_error", "timeout_error", "DEADLINE_EXCEEDED")                           \
    X(STORE_UNAVAILABLE, "store_unavailable", 503, "server_error", "api_error", "UNAVAILABLE")                                   \
    X(AUDIT_UNAVAILABLE, "audit_unavailable", 503, "server_error", "api_error", "UNAVAILABLE")

enum wd_code {
    WD_CODE_NONE,
#define X(name, text, status, openai, anthropic, google) WD_CODE_##name,
    WD_CODES(X)
#undef X
        WD_CODE_COUNT
};

const char *wd_code_name(enum wd_code c); /* "" for NONE */
int wd_code_status(enum wd_code c);       /* 200 for NONE */

/* In which format an error is told; UNIVERSAL fits every SDK (WIRE 2.3) and serves where the format is not known. */
enum wd_error_shape { WD_SHAPE_OPENAI, WD_SHAPE_ANTHROPIC, WD_SHAPE_GOOGLE, WD_SHAPE_UNIVERSAL };

/* Appends the error body, JSON. message and param are escaped; param may be empty. */
enum wd_err wd_error_body(struct wd_buf *out, enum wd_error_shape shape, enum wd_code code, struct wd_span message,
                          struct wd_span param, struct wd_span request_id) WD_CHECK;

#endif
