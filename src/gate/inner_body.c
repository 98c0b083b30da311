#include <stdio.h>

#include "budget.h"
#include "inner_parts.h"

static enum wd_code
body_no_memory(struct wd_exchange *ex)
{
    return wd_exchange_refuse(ex, WD_CODE_STORE_UNAVAILABLE, "the gateway is out of memory for this request");
}

/* On a root alias the model picks the provider: "provider/model", or the one provider whose list has it. */
static enum wd_code
body_pick_provider(struct wd_inner_work *work, struct wd_span *model)
{
    const struct wd_policy *policy = work->gate->policy;
    struct wd_exchange *ex = work->ex;
    const struct wd_provider *found = NULL;
    const char *slash = memchr(model->ptr, '/', model->len);

    if (slash != NULL) {
        struct wd_span name = wd_span(model->ptr, (size_t)(slash - model->ptr));
        found = wd_policy_provider(policy, name);
        if (found != NULL)
            *model = wd_span(slash + 1, model->len - name.len - 1);
    }
    for (uint32_t i = 0; found == NULL && i < policy->provider_count; i++) {
        const struct wd_provider *p = &policy->providers[i];
        if (p->format == ex->route.format && wd_strings_match(&p->models, *model))
            found = p;
    }
    for (uint32_t i = 0; found == NULL && i < policy->provider_count; i++)
        if (wd_strings_match(&policy->providers[i].models, *model))
            found = &policy->providers[i];
    if (found == NULL)
        return wd_exchange_refuse(ex, WD_CODE_MODEL_NOT_ALLOWED, "no provider of the policy has the model %s", ex->model);
    if (found->format != ex->route.format)
        return wd_exchange_refuse(ex, WD_CODE_UNSUPPORTED_PARAMETER,
                                  "the model %s belongs to %s, which speaks another format; send it to that provider's own route",
                                  ex->model, found->name);
    ex->provider = found;
    return WD_CODE_NONE;
}

enum wd_code
wd_inner_model(struct wd_inner_work *work)
{
    struct wd_exchange *ex = work->ex;
    struct wd_request *rq = &work->request;
    bool in_path = ex->route.model.len > 0;
    struct wd_span sent = in_path ? ex->route.model : rq->model, model = sent;
    enum wd_code code;

    wd_exchange_note(ex, work->gate, sent, ex->model, sizeof(ex->model));
    if (model.len == 0 || model.len >= WD_MODEL_MAX)
        return wd_exchange_refuse(ex, WD_CODE_INVALID_REQUEST, "model must have 1 to %d characters", WD_MODEL_MAX - 1);
    if (ex->provider == NULL && (code = body_pick_provider(work, &model)) != WD_CODE_NONE)
        return code;
    if ((code = wd_inner_provider_allowed(ex)) != WD_CODE_NONE)
        return code;
    wd_exchange_note(ex, work->gate, model, ex->model, sizeof(ex->model));
    work->model = model;
    if (!wd_strings_match(&ex->provider->models, model))
        return wd_exchange_refuse(ex, WD_CODE_MODEL_NOT_ALLOWED, "the model %s is not in the list of the provider %s", ex->model,
                                  ex->provider->name);
    if (model.len == sent.len) {
        if (in_path)
            memcpy(ex->path_model, model.ptr, model.len); /* shorter than the array, which is zero */
        return WD_CODE_NONE;
    }
    if (in_path)
        return wd_exchange_refuse(ex, WD_CODE_INVALID_REQUEST, "the model in the path takes no provider prefix");

    const struct wd_json_node *node = &rq->doc.nodes[rq->model_node];
    struct wd_buf quoted;
    enum wd_err err;
    wd_buf_init(&quoted, 4096);
    if ((err = wd_buf_add_byte(&quoted, '"')) == WD_OK && (err = wd_json_escape(&quoted, model)) == WD_OK &&
        (err = wd_buf_add_byte(&quoted, '"')) == WD_OK)
        err = wd_edits_add(&work->edits, work->arena, node->start, node->end, wd_buf_span(&quoted));
    wd_buf_deinit(&quoted);
    return err == WD_OK ? WD_CODE_NONE : body_no_memory(ex);
}

enum wd_code
wd_inner_tools(struct wd_inner_work *work)
{
    const struct wd_request *rq = &work->request;
    struct wd_exchange *ex = work->ex;

    for (uint32_t i = 0; i < rq->tool_count; i++) {
        const struct wd_tool *tool = &rq->tools[i];
        if (wd_strings_match(&ex->role->tools, tool->name))
            continue;
        char name[65];
        size_t n = tool->name.len < sizeof(name) - 1 ? tool->name.len : sizeof(name) - 1;
        for (size_t k = 0; k < n; k++)
            name[k] = tool->name.ptr[k] > 0x20 && tool->name.ptr[k] < 0x7f ? tool->name.ptr[k] : '?';
        name[n] = '\0';
        return wd_exchange_refuse(ex, WD_CODE_TOOL_NOT_ALLOWED, "the role %s may not use the %stool %s", ex->role->name,
                                  tool->hosted ? "hosted " : "", name);
    }
    return WD_CODE_NONE;
}

static enum wd_code
body_message_bounds(struct wd_inner_work *work)
{
    const struct wd_policy *policy = work->gate->policy;
    const struct wd_request *rq = &work->request;

    for (uint32_t i = 0; i < rq->message_count; i++) {
        const struct wd_message *m = &rq->messages[i];
        if (m->chars > policy->message_chars_max) {
            snprintf(work->ex->param, sizeof(work->ex->param), "%s", wd_inner_where(work, m->node));
            return wd_exchange_refuse(work->ex, WD_CODE_MESSAGE_TOO_LONG,
                                      "a message has %llu characters; at most %u are accepted", (unsigned long long)m->chars,
                                      policy->message_chars_max);
        }
        if (m->role == WD_ROLE_USER && !m->more && m->chars < policy->message_chars_min) {
            snprintf(work->ex->param, sizeof(work->ex->param), "%s", wd_inner_where(work, m->node));
            return wd_exchange_refuse(work->ex, WD_CODE_INVALID_REQUEST,
                                      "a user message has %llu characters; at least %u are needed", (unsigned long long)m->chars,
                                      policy->message_chars_min);
        }
    }
    return WD_CODE_NONE;
}

static enum wd_code
body_max_tokens(struct wd_inner_work *work, uint32_t i)
{
    const struct wd_policy *policy = work->gate->policy;
    struct wd_request *rq = &work->request;
    struct wd_exchange *ex = work->ex;
    const struct wd_json_node *node = &rq->doc.nodes[rq->max_tokens_nodes[i]];
    char number[16];

    if (rq->max_tokens[i] < policy->max_tokens_min)
        return wd_exchange_refuse(ex, WD_CODE_INVALID_REQUEST,
                                  "max_tokens is below the policy's least value (accepted: %u to %u)", policy->max_tokens_min,
                                  policy->max_tokens_max);
    if (rq->max_tokens[i] <= policy->max_tokens_max)
        return WD_CODE_NONE;
    if (policy->max_tokens_above == WD_ABOVE_REFUSE)
        return wd_exchange_refuse(ex, WD_CODE_INVALID_REQUEST,
                                  "max_tokens is above the policy's greatest value (accepted: %u to %u)", policy->max_tokens_min,
                                  policy->max_tokens_max);
    if (rq->thinking_budget >= policy->max_tokens_max)
        return wd_exchange_refuse(ex, WD_CODE_INVALID_REQUEST,
                                  "the policy clamps max_tokens to %u, and thinking.budget_tokens must stay below it",
                                  policy->max_tokens_max);

    int n = snprintf(number, sizeof(number), "%u", policy->max_tokens_max);
    if (wd_edits_add(&work->edits, work->arena, node->start, node->end, wd_span(number, (size_t)n)) != WD_OK)
        return body_no_memory(ex);
    snprintf(ex->clamped, sizeof(ex->clamped), "max_tokens=%s", number);
    return WD_CODE_NONE;
}

enum wd_code
wd_inner_bounds(struct wd_inner_work *work)
{
    const struct wd_policy *policy = work->gate->policy;
    struct wd_request *rq = &work->request;
    enum wd_code code;

    if (!policy->input_validation)
        return WD_CODE_NONE;
    if ((code = body_message_bounds(work)) != WD_CODE_NONE)
        return code;
    if (rq->temperature_node != 0 &&
        !(rq->temperature >= policy->temperature_min && rq->temperature <= policy->temperature_max)) {
        snprintf(work->ex->param, sizeof(work->ex->param), "temperature");
        return wd_exchange_refuse(work->ex, WD_CODE_INVALID_REQUEST,
                                  "temperature is out of the policy's range (accepted: %g to %g)", policy->temperature_min,
                                  policy->temperature_max);
    }
    for (uint32_t i = 0; i < rq->max_tokens_count; i++)
        if ((code = body_max_tokens(work, i)) != WD_CODE_NONE)
            return code;
    return WD_CODE_NONE;
}

enum wd_code
wd_inner_attachments(struct wd_inner_work *work)
{
    static const struct {
        enum wd_attachment kind;
        const char *name;
    } kinds[] = {
        { WD_ATTACH_IMAGE, "image" }, { WD_ATTACH_AUDIO, "audio" }, { WD_ATTACH_VIDEO, "video" }, { WD_ATTACH_FILE, "file" }
    };
    const struct wd_request *rq = &work->request;

    for (uint32_t i = 0; i < rq->attachment_count; i++) {
        if (work->gate->policy->attachments & (uint32_t)rq->attachments[i].kind)
            continue;
        const char *name = "unknown";
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
            if (kinds[k].kind == rq->attachments[i].kind)
                name = kinds[k].name;
        snprintf(work->ex->param, sizeof(work->ex->param), "%s", wd_inner_where(work, rq->attachments[i].node));
        return wd_exchange_refuse(
            work->ex, WD_CODE_UNINSPECTABLE_CONTENT,
            "an attachment of kind %s cannot be inspected and the policy's input.attachments does not name it", name);
    }
    return WD_CODE_NONE;
}

/* Chat streams tell their usage only when asked: ask, and drop the extra chunk later (WIRE 2.1). */
enum wd_code
wd_inner_usage(struct wd_inner_work *work)
{
    static const char whole[] = "\"stream_options\":{\"include_usage\":true},";
    static const char member[] = "\"include_usage\":true,";
    struct wd_request *rq = &work->request;
    const struct wd_json_node *nodes = rq->doc.nodes;
    enum wd_err err;

    if (work->ex->route.op != WD_OP_CHAT || !rq->stream || rq->include_usage)
        return WD_CODE_NONE;
    work->ex->drop_usage = true;

    uint32_t options = rq->stream_options_node;
    uint32_t asked = options != 0 ? wd_json_get(&rq->doc, options, "include_usage") : 0;
    if (asked != 0)
        err = wd_edits_add(&work->edits, work->arena, nodes[asked].start, nodes[asked].end, WD_SPAN("true"));
    else if (options != 0 && nodes[options].type == WD_JSON_OBJECT)
        err = wd_edits_add(&work->edits, work->arena, nodes[options].start + 1, nodes[options].start + 1,
                           wd_span(member, sizeof(member) - (nodes[options].child == 0 ? 2 : 1)));
    else if (options != 0)
        err = wd_edits_add(&work->edits, work->arena, nodes[options].start, nodes[options].end,
                           WD_SPAN("{\"include_usage\":true}"));
    else
        err = wd_edits_add(&work->edits, work->arena, nodes[0].start + 1, nodes[0].start + 1, wd_span(whole, sizeof(whole) - 1));
    return err == WD_OK ? WD_CODE_NONE : body_no_memory(work->ex);
}

enum wd_step
wd_inner_body(const struct wd_gate *gate, struct wd_exchange *ex, struct wd_span body, struct wd_arena *arena, struct wd_buf *out,
              bool *changed, struct wd_store_op *op)
{
    static enum wd_code (*const steps[])(struct wd_inner_work *) = {
        wd_inner_model, wd_inner_tools, wd_inner_bounds, wd_inner_attachments,
        wd_inner_refs,  wd_inner_named, wd_inner_texts,  wd_inner_usage,
    };
    struct wd_inner_work work = { .gate = gate, .ex = ex, .arena = arena };
    struct wd_problem problem = { 0 };

    *changed = ex->changed = false;
    ex->findings = (struct wd_findings){ .count = 0 }; /* the second time around they are found again */
    if (!wd_request_read(&work.request, &ex->route, body, arena, &problem)) {
        snprintf(ex->param, sizeof(ex->param), "%s", problem.param != NULL ? problem.param : "");
        wd_exchange_refuse(ex, problem.code, "%s%s%s%s",
                           problem.code == WD_CODE_INVALID_JSON ? "the body is not strict JSON: " : "", ex->param,
                           ex->param[0] != '\0' ? " " : "", problem.message);
        return WD_STEP_REFUSED;
    }
    ex->stream = work.request.stream || ex->route.op == WD_OP_STREAM_GENERATE;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (steps[i](&work) != WD_CODE_NONE)
            return WD_STEP_REFUSED;
    if (ex->denied != WD_WHY_NONE) { /* nothing of it is in the body: it was named */
        wd_inner_conflict(gate, ex);
        return WD_STEP_REFUSED;
    }
    if (work.edits.count > 0) {
        if (wd_edits_apply(&work.edits, body, out) != WD_OK) {
            body_no_memory(ex);
            return WD_STEP_REFUSED;
        }
        *changed = true;
    }
    if (!ex->taken)
        wd_budget_estimate(gate->policy, ex->route.op, &work.request, &ex->budget);
    return wd_inner_reserve(gate, ex, &work, op);
}
