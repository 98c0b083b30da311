#ifndef SAMPLES_H
#define SAMPLES_H

#include "requests.h"

/*
 * One request of each format that uses everything the format has. A string that starts with two letters and a colon says what
 * is expected of it: the role (S U A T O) and the kind (p prose, j JSON, s signed, o other; in capitals: a member of tool data).
 * "T1BBUVVF..." is a blob that is not inspected.
 */
#pragma GCC diagnostic ignored "-Woverlength-strings"

/* clang-format off */
static const char sample_chat[] = JSON({
    "model": "gpt-4o", "stream": true, "stream_options": {"include_usage": true, "note": "Oo:option"},
    "temperature": 0.5, "max_tokens": 10, "max_completion_tokens": 20, "seed": 4111111111111111, "n": 2,
    "user": "Oo:user id", "stop": ["Oo:stop"], "metadata": {"key": "Oo:value", "number": 5500000000000004},
    "messages": [
        {"role": "system", "content": "Sp:system", "name": "So:name"},
        {"role": "developer", "content": [{"type": "text", "text": "Sp:developer"}]},
        {"role": "user", "content": [
            {"type": "text", "text": "Up:text", "cache_control": {"type": "ephemeral", "note": "Uo:cache"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,T1BBUVVF", "detail": "auto"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/Uo:image"}},
            {"type": "image_url", "image_url": {"url": "data:text/html,<b>Uo</b>"}},
            {"type": "input_audio", "input_audio": {"data": "T1BBUVVFQVVESU8=", "format": "wav"}},
            {"type": "file", "file": {"filename": "Uo:name.pdf", "file_data": "data:application/pdf;base64,T1BBUVVF"}},
            {"type": "file", "file": {"file_id": "Uo:file-1"}}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Ap:said"}, {"type": "refusal", "refusal": "Ap:no"}],
         "refusal": "Ap:refused", "reasoning_content": "Ap:thought", "reasoning": "Ap:thought", "tool_calls": [
             {"id": "Ao:call", "type": "function", "function": {"name": "Ao:f", "arguments": "Aj:{}"}},
             {"id": "Ao:call", "type": "custom", "custom": {"name": "Ao:g", "input": "Ap:free text"}}]},
        {"role": "assistant", "content": null, "function_call": {"name": "Ao:f", "arguments": "Aj:old"}},
        {"role": "tool", "tool_call_id": "To:call", "content": "Tp:result"},
        {"role": "tool", "tool_call_id": "To:call", "content": [{"type": "text", "text": "Tp:result part"}]},
        {"role": "function", "name": "To:f", "content": "Tp:old result"}],
    "tools": [
        {"type": "function", "function": {"name": "one", "description": "Oo:description", "parameters": {
            "type": "object", "Messages": "Oo:not read here", "properties": {"city": {"enum": ["Oo:enum"], "type": "string"}}}}},
        {"type": "custom", "custom": {"name": "two", "format": {"type": "grammar", "grammar": {"definition": "Oo:grammar"}}}}],
    "functions": [{"name": "three", "description": "Oo:function", "parameters": {}}],
    "tool_choice": {"type": "function", "function": {"name": "Oo:choice"}},
    "web_search_options": {"user_location": {"approximate": {"city": "Oo:city"}}},
    "prediction": {"type": "content", "content": [{"type": "text", "text": "Ap:prediction"}]},
    "response_format": {"type": "json_schema", "json_schema": {"name": "Oo:schema", "schema": {"title": "Oo:title"}}},
    "unknown": {"deep": ["Oo:unknown", {"x": "Oo:unknown"}]}
});

static const char sample_responses[] = JSON({
    "model": "gpt-5", "instructions": "Sp:instructions", "stream": false, "temperature": 1, "max_output_tokens": 30,
    "include": ["reasoning.encrypted_content"], "previous_response_id": null, "conversation": null, "background": false,
    "metadata": {"key": "Oo:value"}, "store": true, "prompt_cache_key": "Oo:key",
    "input": [
        {"role": "developer", "content": "Sp:developer"},
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "Up:text"},
            {"type": "input_image", "image_url": "data:image/jpeg;base64,T1BBUVVF", "detail": "auto", "file_id": null},
            {"type": "input_image", "image_url": "http://example.com/Uo:image"},
            {"type": "input_file", "filename": "Uo:name", "file_data": "data:application/pdf;base64,T1BBUVVF"},
            {"type": "input_file", "file_url": "Uo:url"}, {"type": "input_file", "file_id": "Uo:id"},
            {"type": "input_audio", "input_audio": {"data": "T1BBUVVF", "format": "mp3"}}]},
        {"type": "message", "id": "Ao:id", "status": "completed", "role": "assistant", "content": [
            {"type": "output_text", "text": "Ap:said", "annotations": [{"type": "url_citation", "title": "Ao:title", "url": "Ao:url"}]},
            {"type": "refusal", "refusal": "Ap:no"}]},
        {"type": "reasoning", "id": "Ao:id", "summary": [{"type": "summary_text", "text": "Ap:summary"}],
         "content": [{"type": "reasoning_text", "text": "Ap:reasoning"}], "encrypted_content": "T1BBUVVF_-=="},
        {"type": "compaction", "encrypted_content": "T1BBUVVF"}, {"type": "compaction_trigger"},
        {"type": "configuration_update", "reasoning": {"effort": "Oo:effort"}},
        {"type": "function_call", "call_id": "Ao:id", "name": "Ao:f", "arguments": "Aj:{}", "namespace": "Ao:space"},
        {"type": "function_call_output", "call_id": "To:id", "output": "Tp:result"},
        {"type": "function_call_output", "call_id": "To:id", "output": [{"type": "input_text", "text": "Tp:part"},
            {"type": "input_image", "image_url": "data:image/webp;base64,T1BBUVVF"}]},
        {"type": "custom_tool_call", "call_id": "Ao:id", "name": "Ao:g", "input": "Ap:free text"},
        {"type": "custom_tool_call_output", "call_id": "To:id", "output": "Tp:result"},
        {"type": "file_search_call", "id": "Ao:id", "queries": ["AO:query"], "status": "completed",
         "results": [{"file_id": "TP:id", "filename": "TP:name", "text": "TP:found", "attributes": {"a": "TP:attribute"}}]},
        {"type": "web_search_call", "id": "Ao:id", "action": {"type": "search", "query": "AO:query", "sources": [{"url": "AO:url"}]}},
        {"type": "computer_call", "call_id": "Ao:id", "action": {"type": "type", "text": "AO:typed"}, "actions": [{"text": "AO:typed"}],
         "pending_safety_checks": [{"message": "Ao:check"}]},
        {"type": "computer_call_output", "call_id": "To:id",
         "output": {"type": "computer_screenshot", "image_url": "data:image/png;base64,T1BBUVVF"}},
        {"type": "code_interpreter_call", "id": "Ao:id", "container_id": "Ao:id", "code": "Ap:code", "outputs": [
            {"type": "logs", "logs": "Tp:logs"}, {"type": "image", "url": "data:image/png;base64,T1BBUVVF"}]},
        {"type": "image_generation_call", "id": "Ao:id", "status": "completed", "result": "T1BBUVVF", "revised_prompt": "Ap:prompt"},
        {"type": "local_shell_call", "call_id": "Ao:id", "action": {"type": "exec", "command": ["AO:run"], "env": {"HOME": "AO:home"}}},
        {"type": "local_shell_call_output", "id": "To:id", "output": "TP:printed"},
        {"type": "shell_call", "call_id": "Ao:id", "action": {"commands": ["AO:run"]}},
        {"type": "shell_call_output", "call_id": "To:id", "output": [{"stdout": "TP:out", "stderr": "TP:err", "outcome": {"type": "exit"}}]},
        {"type": "apply_patch_call", "call_id": "Ao:id", "operation": {"type": "update_file", "path": "AO:path", "diff": "AO:diff"}},
        {"type": "apply_patch_call_output", "call_id": "To:id", "output": "TP:done", "status": "completed"},
        {"type": "tool_search_call", "call_id": "Ao:id", "arguments": {"q": "AO:query"}},
        {"type": "tool_search_output", "call_id": "Oo:id", "tools": [{"type": "function", "name": "found", "description": "Oo:found"}]},
        {"type": "additional_tools", "role": "developer", "tools": [{"type": "image_generation"}]},
        {"type": "mcp_list_tools", "server_label": "Oo:label", "tools": [{"name": "Oo:f", "input_schema": {"title": "Oo:schema"}}]},
        {"type": "mcp_approval_request", "name": "Ao:f", "arguments": "Aj:{}", "server_label": "Ao:label"},
        {"type": "mcp_approval_response", "approval_request_id": "Uo:id", "approve": true, "reason": "Up:reason"},
        {"type": "mcp_call", "name": "Ao:f", "arguments": "Aj:{}", "output": "Tp:result", "error": {"message": "TP:error"}},
        {"type": "program", "call_id": "Ao:id", "code": "Ap:code"},
        {"type": "program_output", "call_id": "To:id", "result": "Tp:result"}],
    "tools": [
        {"type": "function", "name": "one", "description": "Oo:description", "parameters": {"Input": "Oo:schema"}},
        {"type": "custom", "name": "two"}, {"type": "web_search_preview", "search_context_size": "low"},
        {"type": "mcp", "server_url": "Oo:url", "authorization": "Oo:secret", "headers": {"x": "Oo:header"}},
        {"type": "namespace", "name": "crm", "description": "Oo:space", "tools": [{"type": "function", "name": "three"}]},
        {"type": "code_interpreter", "container": {"type": "auto"}}],
    "text": {"format": {"type": "json_schema", "name": "Oo:name", "schema": {"description": "Oo:schema"}}}
});

static const char sample_anthropic[] = JSON({
    "model": "claude-sonnet-5", "max_tokens": 4000, "temperature": 1, "stream": true,
    "thinking": {"type": "enabled", "budget_tokens": 2000}, "metadata": {"user_id": "Oo:user"}, "stop_sequences": ["Oo:stop"],
    "system": [{"type": "text", "text": "Sp:system", "cache_control": {"type": "ephemeral", "ttl": "So:ttl"}}],
    "messages": [
        {"role": "user", "content": "Up:text"},
        {"role": "system", "content": "Sp:in between"},
        {"role": "user", "content": [
            {"type": "text", "text": "Up:block", "citations": [{"type": "web_search_result_location", "cited_text": "Uo:cited",
                "encrypted_index": "T1BBUVVF", "url": "Uo:url"}]},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "T1BBUVVF\n"}},
            {"type": "image", "source": {"type": "url", "url": "https://example.com/Uo:image"}},
            {"type": "document", "title": "Up:title", "context": "Up:context",
             "source": {"type": "text", "media_type": "text/plain", "data": "Up:document"}},
            {"type": "document", "source": {"type": "content", "content": "Up:content"}},
            {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "Up:content block"}]}},
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "T1BBUVVF"}},
            {"type": "document", "source": {"type": "url", "url": "Uo:url"}},
            {"type": "document", "source": {"type": "file", "file_id": "Uo:file"}},
            {"type": "container_upload", "file_id": "Uo:file"},
            {"type": "search_result", "source": "To:source", "title": "Tp:title", "content": [{"type": "text", "text": "Tp:found"}]}]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "As:thought", "signature": "T1BBUVVF"},
            {"type": "redacted_thinking", "data": "T1BBUVVF"},
            {"type": "tool_use", "id": "Ao:id", "name": "Ao:f", "input": {"a": "AO:argument", "b": ["Ao-in-array", {"c": "AO:deep"}],
                "card": 4111111111111111, "Type": "AO:not read here"}},
            {"type": "server_tool_use", "id": "Ao:id", "name": "web_search", "input": {"query": "AO:query"}},
            {"type": "web_search_tool_result", "tool_use_id": "To:id", "content": [{"type": "web_search_result", "title": "To:title",
                "url": "To:url", "encrypted_content": "T1BBUVVF"}]},
            {"type": "web_search_tool_result", "tool_use_id": "To:id",
             "content": {"type": "web_search_tool_result_error", "error_code": "To:error"}},
            {"type": "web_fetch_tool_result", "tool_use_id": "To:id", "content": {"type": "web_fetch_result", "url": "To:url",
                "content": {"type": "document", "source": {"type": "text", "data": "Tp:page"}}}},
            {"type": "code_execution_tool_result", "tool_use_id": "To:id", "content": {"type": "code_execution_result",
                "stdout": "Tp:out", "stderr": "Tp:err", "content": [{"type": "code_execution_output", "file_id": "To:file"}]}},
            {"type": "code_execution_tool_result", "tool_use_id": "To:id", "content": {"type": "encrypted_code_execution_result",
                "encrypted_stdout": "T1BBUVVF", "stderr": "Tp:err", "content": []}},
            {"type": "bash_code_execution_tool_result", "tool_use_id": "To:id", "content": {"type": "bash_code_execution_result",
                "stdout": "Tp:out", "stderr": "Tp:err", "content": []}},
            {"type": "text_editor_code_execution_tool_result", "tool_use_id": "To:id",
             "content": {"type": "text_editor_code_execution_view_result", "content": "Tp:file"}},
            {"type": "text_editor_code_execution_tool_result", "tool_use_id": "To:id",
             "content": {"type": "text_editor_code_execution_str_replace_result", "lines": ["TP:line"]}},
            {"type": "tool_search_tool_result", "tool_use_id": "To:id", "content": {"type": "tool_search_tool_search_result",
                "tool_references": [{"type": "tool_reference", "tool_name": "To:f"}]}},
            {"type": "mcp_tool_use", "id": "Ao:id", "name": "Ao:f", "server_name": "Ao:server", "input": {"x": "AO:argument"}},
            {"type": "mcp_tool_result", "tool_use_id": "To:id", "content": [{"type": "text", "text": "Tp:result"}]},
            {"type": "advisor_tool_result", "tool_use_id": "To:id", "content": {"type": "advisor_result", "text": "Tp:advice"}},
            {"type": "advisor_tool_result", "tool_use_id": "To:id",
             "content": {"type": "advisor_redacted_result", "encrypted_content": "T1BBUVVF"}},
            {"type": "compaction", "content": "Ap:summary", "encrypted_content": "T1BBUVVF", "signature": "T1BBUVVF"}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "To:id", "is_error": true, "content": "Tp:result"},
            {"type": "tool_result", "tool_use_id": "To:id", "content": [{"type": "text", "text": "Tp:block"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "T1BBUVVF"}},
                {"type": "browser_state", "tabs": [{"title": "TP:tab", "url": "TP:url"}]}]},
            {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {"name": "late", "description": "Oo:late"}}},
            {"type": "tool_removal", "tool": {"type": "tool_reference", "tool_name": "Oo:gone"}},
            {"type": "mcp_tool_listing", "mcp_server_name": "Oo:server", "tools": [{"name": "Oo:f", "description": "Oo:listed"}]}]}],
    "tools": [
        {"name": "one", "description": "Oo:description", "input_schema": {"Model": "Oo:schema"}},
        {"type": "custom", "name": "two"}, {"type": "web_search_20250305", "name": "web_search", "max_uses": 5},
        {"type": "mcp_toolset", "mcp_server_name": "Oo:server"}],
    "mcp_servers": [{"type": "url", "url": "Oo:url", "name": "Oo:server", "authorization_token": "Oo:token"}],
    "tool_choice": {"type": "tool", "name": "Oo:choice"}, "output_config": {"format": {"schema": {"title": "Oo:title"}}}
});

static const char sample_google[] = JSON({
    "systemInstruction": {"parts": [{"text": "Sp:system"}]},
    "contents": [
        {"role": "user", "parts": [
            {"text": "Up:text"},
            {"inlineData": {"mimeType": "image/png", "data": "T1BBUVVF", "displayName": "Uo:name"}},
            {"inline_data": {"mime_type": "audio/wav", "data": "T1BBUVVF"}},
            {"inlineData": {"mimeType": "video/mp4", "data": "T1BBUVVF"}, "videoMetadata": {"startOffset": "Uo:1s"}},
            {"inlineData": {"mimeType": "text/plain", "data": "T1BBUVVF"}},
            {"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/Uo:file"}}]},
        {"role": "model", "parts": [
            {"text": "As:thought", "thought": true, "thoughtSignature": "T1BBUVVF"},
            {"text": "Ap:said", "partMetadata": {"k": "AO:metadata"}},
            {"functionCall": {"id": "Ao:id", "name": "Ao:f", "args": {"city": "AO:argument", "list": [{"x": "AO:deep"}]}},
             "thought_signature": "T1BBUVVF"},
            {"executableCode": {"language": "PYTHON", "code": "Ap:code"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "Tp:output"}},
            {"toolCall": {"id": "Ao:id", "args": {"q": "AO:query"}}},
            {"toolResponse": {"id": "To:id", "response": {"r": "TP:answer"}}},
            {"audioTranscription": {"text": "AO:transcript"}}]},
        {"role": "user", "parts": [{"functionResponse": {"id": "To:id", "name": "To:f", "response": {"result": "TP:result",
            "list": [{"x": "TP:deep"}], "Parts": "TP:not read here"}, "parts": [{"inlineData": {"mimeType": "image/png", "data": "T1BBUVVF"}}]}}]},
        {"parts": {"text": "Up:lone part"}}],
    "tools": [
        {"functionDeclarations": [{"name": "one", "description": "Oo:description", "parametersJsonSchema": {"Name": "Oo:schema"}}]},
        {"googleSearch": {}, "code_execution": {}},
        {"function_declarations": {"name": "two"}}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["Oo:allowed"]}},
    "safetySettings": [{"category": "Oo:category", "threshold": "Oo:threshold"}], "labels": {"team": "Oo:label"},
    "generationConfig": {"temperature": 0.25, "maxOutputTokens": 40, "seed": 123456789012, "stopSequences": ["Oo:stop"],
        "responseSchema": {"properties": {"Temperature": {"description": "Oo:schema"}}}}
});

static const struct sample {
    const char *name;
    enum wd_op op;
    const char *body;
} samples[] = {
    { "chat", WD_OP_CHAT, sample_chat },
    { "responses", WD_OP_RESPONSES, sample_responses },
    { "messages", WD_OP_MESSAGES, sample_anthropic },
    { "generate", WD_OP_GENERATE, sample_google },
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

/* clang-format on */
#endif
