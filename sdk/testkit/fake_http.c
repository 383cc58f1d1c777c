/* HTTP with delay and failure. */
#define _POSIX_C_SOURCE 200809L
#include "fake_http.h"

#include <time.h>

void fake_http_add(fake_http* http, const char* url_part, int64_t delay_ms, skep_rc rc,
                   const char* message) {
  fake_http_rule* rule = need(calloc(1, sizeof(*rule)));
  text_add_str(&rule->url_part, url_part);
  text_add_str(&rule->message, message);
  rule->delay_ms = delay_ms;
  rule->rc = rc;
  rule->next = http->rules;
  http->rules = rule;
}

void fake_http_free(fake_http* http) {
  while (http->rules != NULL) {
    fake_http_rule* rule = http->rules;
    http->rules = rule->next;
    text_free(&rule->url_part);
    text_free(&rule->message);
    free(rule);
  }
}

const fake_http_rule* fake_http_find(const fake_http* http, const char* url) {
  const fake_http_rule* rule = http->rules;
  while (rule != NULL && strstr(url, text_str(&rule->url_part)) == NULL) rule = rule->next;
  return rule;
}

#define NS_PER_MS 1000000
#define USUAL_TIMEOUT_MS 30000

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Until then, or until the call is cancelled; returns why. */
static int32_t sleep_until(skep_call* call, int64_t until_ns) {
  struct timespec until;
  if (call != NULL) return call->ops->wait(call, until_ns);
  until.tv_sec = (time_t)(until_ns / 1000000000);
  until.tv_nsec = (long)(until_ns % 1000000000);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0) continue;
  return 0;
}

skep_rc fake_http_suffer(const fake_http_rule* rule, skep_call* call, int64_t timeout_ms,
                         skep_err* err) {
  const int64_t begin = now_ns();
  const int64_t deadline = call != NULL ? call->ops->deadline_ns(call) : INT64_MAX;
  const int64_t usual =
      deadline != INT64_MAX ? deadline : begin + (int64_t)USUAL_TIMEOUT_MS * NS_PER_MS;
  const int64_t timeout = timeout_ms > 0 ? begin + timeout_ms * NS_PER_MS : usual;
  const int64_t answer = begin + rule->delay_ms * NS_PER_MS;
  const int64_t end = timeout < deadline ? timeout : deadline;
  const int32_t reason = sleep_until(call, answer < end ? answer : end);
  if (reason == SKEP_CANCEL_DEADLINE || (answer >= end && end == deadline))
    return refuse(err, SKEP_E_DEADLINE, "the call's time is up");
  if (reason != 0) return refuse(err, SKEP_E_CANCELLED, "the call is cancelled");
  if (answer >= end)
    return refuse(err, SKEP_E_UNAVAILABLE, "no answer within the time of the request");
  if (rule->rc == SKEP_OK) return SKEP_OK;
  return refuse(err, rule->rc, text_str(&rule->message));
}
