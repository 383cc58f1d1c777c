/* One call of a task: captures what the task says, and cancels it when the test wants. */
#define _POSIX_C_SOURCE 200809L
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "skep/svc/artifact.h"
#include "skep/testkit/fake_host.h"
#include "text.h"

#define MAX_RESULT (4u << 20)

struct skep_fake_call {
  skep_call abi; /* first: the handle is the object's address */
  pthread_mutex_t lock;
  int pipe[2]; /* a byte in it once the call is cancelled */
  int reason;
  int plain; /* 1: not the run of a task */
  int has_refused_channel;
  uint32_t cancel_at;
  int64_t deadline_ns;
  skep_fake_result result;
  text out, err, document, logs, message, note;
};

static skep_fake_call* of(skep_call* call) { return (skep_fake_call*)(void*)call; }

static const skep_call_ops call_ops;

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

skep_fake_call* skep_fake_call_new(void) {
  skep_fake_call* c = need(calloc(1, sizeof(*c)));
  c->abi.ops = &call_ops;
  pthread_mutex_init(&c->lock, NULL);
  if (pipe(c->pipe) != 0) abort();
  c->deadline_ns = INT64_MAX;
  return c;
}

void skep_fake_call_free(skep_fake_call* c) {
  close(c->pipe[0]);
  close(c->pipe[1]);
  text_free(&c->out);
  text_free(&c->err);
  text_free(&c->document);
  text_free(&c->logs);
  text_free(&c->message);
  text_free(&c->note);
  pthread_mutex_destroy(&c->lock);
  free(c);
}

skep_call* skep_fake_call_handle(skep_fake_call* c) { return &c->abi; }

static void cancel_locked(skep_fake_call* c, int reason) {
  if (c->reason != 0) return;
  c->reason = reason;
  if (write(c->pipe[1], "x", 1) != 1) abort();
}

static int reason_locked(skep_fake_call* c) {
  if (c->reason == 0 && now_ns() >= c->deadline_ns) cancel_locked(c, SKEP_CANCEL_DEADLINE);
  return c->reason;
}

void skep_fake_call_cancel(skep_fake_call* c, int reason) {
  pthread_mutex_lock(&c->lock);
  cancel_locked(c, reason);
  pthread_mutex_unlock(&c->lock);
}

void skep_fake_call_plain(skep_fake_call* c) { c->plain = 1; }

void skep_fake_call_lend(skep_fake_call* c, const skep_call_ops* ops) { c->abi.ops = ops; }

void skep_fake_call_cancel_at_emit(skep_fake_call* c, uint32_t n) { c->cancel_at = n; }

void skep_fake_call_deadline(skep_fake_call* c, int64_t ms) {
  c->deadline_ns = now_ns() + ms * 1000000;
}

static skep_rc refuse_channel(skep_fake_call* c, uint32_t channel) {
  if (channel < SKEP_CH_ARTIFACT) return SKEP_E_INVALID;
  if (!c->has_refused_channel)
    text_add_str(&c->logs, "warn channel_unsupported {\"hint\":\"" SKEP_SVC_ARTIFACT "\"}\n");
  c->has_refused_channel = 1;
  return SKEP_E_UNSUPPORTED;
}

static skep_rc keep(skep_fake_call* c, uint32_t channel, skep_view bytes) {
  switch (channel) {
    case SKEP_CH_STDOUT:
      text_add_view(&c->out, bytes);
      return SKEP_OK;
    case SKEP_CH_STDERR:
      text_add_view(&c->err, bytes);
      return SKEP_OK;
    case SKEP_CH_RESULT:
      text_set(&c->document, bytes.n > MAX_RESULT ? view_of("") : bytes);
      return bytes.n > MAX_RESULT ? SKEP_E_INVALID : SKEP_OK;
    case SKEP_CH_LOG:
      text_add_view(&c->logs, bytes);
      text_add_str(&c->logs, "\n");
      return SKEP_OK;
    default:
      return refuse_channel(c, channel);
  }
}

static skep_rc emit(skep_call* call, uint32_t channel, skep_view bytes) {
  skep_fake_call* c = of(call);
  skep_rc rc;
  if (c->plain) return SKEP_E_STATE;
  pthread_mutex_lock(&c->lock);
  c->result.emits++;
  if (c->result.emits == c->cancel_at) cancel_locked(c, SKEP_CANCEL_USER);
  rc = keep(c, channel, bytes);
  if (rc == SKEP_OK && reason_locked(c) != 0) rc = SKEP_E_CANCELLED;
  pthread_mutex_unlock(&c->lock);
  return rc;
}

static skep_rc progress(skep_call* call, uint32_t permille, skep_view note) {
  skep_fake_call* c = of(call);
  if (c->plain) return SKEP_E_STATE;
  if (permille > 1000) return SKEP_E_INVALID;
  pthread_mutex_lock(&c->lock);
  c->result.permille = permille;
  text_set(&c->note, note);
  pthread_mutex_unlock(&c->lock);
  return SKEP_OK;
}

static skep_rc fail(skep_call* call, skep_rc code, uint32_t retry_ms, skep_view message) {
  skep_fake_call* c = of(call);
  if (c->plain) return SKEP_E_STATE;
  if (code >= 0) code = SKEP_E_INTERNAL;
  pthread_mutex_lock(&c->lock);
  c->result.fail_code = code;
  c->result.retry_ms = retry_ms;
  text_set(&c->message, message);
  pthread_mutex_unlock(&c->lock);
  return code;
}

static int32_t cancelled(skep_call* call) {
  skep_fake_call* c = of(call);
  int reason;
  pthread_mutex_lock(&c->lock);
  reason = reason_locked(c);
  pthread_mutex_unlock(&c->lock);
  return reason;
}

static int64_t deadline_ns(skep_call* call) { return of(call)->deadline_ns; }

static int32_t wait_until(skep_call* call, int64_t until_ns) {
  skep_fake_call* c = of(call);
  for (;;) {
    struct pollfd p = {c->pipe[0], POLLIN, 0};
    const int64_t end = until_ns < c->deadline_ns ? until_ns : c->deadline_ns;
    const int64_t now = now_ns();
    int64_t ms;
    if (now >= end || cancelled(call) != 0) return cancelled(call);
    ms = (end - now) / 1000000 + 1;
    poll(&p, 1, ms > INT_MAX ? INT_MAX : (int)ms);
  }
}

static int32_t cancel_fd(skep_call* call) { return of(call)->pipe[0]; }

static void log_line(skep_call* call, uint32_t level, skep_view event, skep_view fields) {
  skep_fake_call* c = of(call);
  pthread_mutex_lock(&c->lock);
  text_add_str(&c->logs, level_word(level));
  text_add_view(&c->logs, event);
  text_add_str(&c->logs, " ");
  text_add_view(&c->logs, fields);
  text_add_str(&c->logs, "\n");
  pthread_mutex_unlock(&c->lock);
}

static const skep_call_ops call_ops = {
    sizeof(skep_call_ops), 0,          emit,      progress, fail, cancelled,
    deadline_ns,           wait_until, cancel_fd, log_line};

const skep_fake_result* skep_fake_call_result(skep_fake_call* c) {
  pthread_mutex_lock(&c->lock);
  c->result.message = text_str(&c->message);
  c->result.out = text_str(&c->out);
  c->result.err = text_str(&c->err);
  c->result.result = text_str(&c->document);
  c->result.logs = text_str(&c->logs);
  c->result.note = text_str(&c->note);
  pthread_mutex_unlock(&c->lock);
  return &c->result;
}

const skep_fake_result* skep_fake_call_ended(skep_fake_call* c, skep_rc rc) {
  c->result.rc = rc;
  return skep_fake_call_result(c);
}
