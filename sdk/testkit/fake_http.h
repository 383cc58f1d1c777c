/* What befalls the requests of skep.svc.http in a fake host, beside prepared answers. */
#ifndef SKEP_TESTKIT_FAKE_HTTP_H
#define SKEP_TESTKIT_FAKE_HTTP_H

#include "skep/testkit/fake_host.h"
#include "text.h"

typedef struct fake_http_rule {
  struct fake_http_rule* next;
  text url_part, message;
  int64_t delay_ms;
  skep_rc rc;
} fake_http_rule;

/* Guarded by the host's lock. */
typedef struct fake_http {
  fake_http_rule* rules; /* newest first */
  skep_fake_http_fn handler;
  void* handler_ctx;
} fake_http;

void fake_http_add(fake_http* http, const char* url_part, int64_t delay_ms, skep_rc rc,
                   const char* message);
void fake_http_free(fake_http* http);
/* The newest rule whose text fits the URL, or null. */
const fake_http_rule* fake_http_find(const fake_http* http, const char* url);
/* Waits as the rule says, without a lock; `call` may be null. SKEP_OK, or how the request failed,
 * with a message. */
skep_rc fake_http_suffer(const fake_http_rule* rule, skep_call* call, int64_t timeout_ms,
                         skep_err* err);

#endif
