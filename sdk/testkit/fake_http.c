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

static void sleep_ms(int64_t ms) {
  struct timespec left;
  left.tv_sec = (time_t)(ms / 1000);
  left.tv_nsec = (long)(ms % 1000) * 1000000L;
  while (nanosleep(&left, &left) != 0) continue;
}

skep_rc fake_http_suffer(const fake_http_rule* rule, int64_t timeout_ms, skep_err* err) {
  const int64_t patience = timeout_ms > 0 ? timeout_ms : 30000;
  const int is_late = rule->delay_ms >= patience;
  sleep_ms(is_late ? patience : rule->delay_ms);
  if (is_late) return refuse(err, SKEP_E_UNAVAILABLE, "no answer within the time of the request");
  if (rule->rc == SKEP_OK) return SKEP_OK;
  return refuse(err, rule->rc, text_str(&rule->message));
}
