/* Kind skep.kind.queue/1: the durable queue of the control plane.
 *
 * It owns worker_tasks, task_attempts and worker_results. The guards of the state machine
 * (docs/state-machine.md) are part of its writes: every change of a claimed task names
 * (task id, attempt, lease id) and changes nothing when one of them has moved on.
 *
 * All instants are the host's `now_ms`, so tests can drive a virtual clock. Each function is one
 * atomic, durable step: when it returns 0, its effect survives a crash. When it ends for the
 * deadline or the cancellation of its call, it has had its whole effect or none. */
#ifndef SKEP_KIND_QUEUE_H
#define SKEP_KIND_QUEUE_H

#include "skep/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SKEP_KIND_QUEUE "skep.kind.queue/1"

/* States of a task. */
#define SKEP_TASK_QUEUED 0u    /* may be claimed now */
#define SKEP_TASK_WAITING 1u   /* run_at_ms lies ahead: scheduled, or backing off before a retry */
#define SKEP_TASK_CLAIMED 2u   /* leased to a worker that has not said it started */
#define SKEP_TASK_EXECUTING 3u /* leased, and the worker says it runs */
#define SKEP_TASK_SUSPECT 4u   /* the lease ran out; still the worker's until lost_after */
#define SKEP_TASK_SUCCEEDED 5u
#define SKEP_TASK_FAILED 6u /* final failure said by the task */
#define SKEP_TASK_CANCELLED 7u
#define SKEP_TASK_DEAD 8u /* attempts or crashes used up */

/* One row of worker_tasks. As input of enqueue(): the fields up to expires_ms. */
typedef struct skep_queue_task {
  uint32_t size;
  uint32_t state; /* SKEP_TASK_*; enqueue: QUEUED, or WAITING when run_at_ms > now */
  skep_view id;   /* [A-Za-z0-9][A-Za-z0-9._-]{0,127}, unique */
  skep_view type;
  skep_view site;            /* "" = any site */
  skep_view target_worker;   /* "" = any worker */
  skep_view requirements;    /* JSON array, sorted: ["docker"], ["docker","params:1|params:2"];
                              * of the names that '|' parts one is enough */
  skep_view params;          /* JSON object */
  skep_view idempotency_key; /* "" = none; unique over all tasks */
  int64_t priority;          /* 0..9, higher first */
  int64_t max_attempts;
  int64_t timeout_ms; /* 0 = none */
  int64_t created_ms;
  int64_t run_at_ms;  /* 0 = at once */
  int64_t expires_ms; /* 0 = never; a task not claimed by then is cancelled */
  /* Below: outputs only. */
  int64_t seq;         /* order of arrival, unique, growing */
  int64_t attempt;     /* grows at each claim: the fence */
  int64_t tries_used;  /* counts against max_attempts; release() gives one back */
  int64_t crash_count; /* attempts that took their worker down */
  int64_t lease_expires_ms;
  int64_t claimed_ms;
  int64_t started_ms;
  int64_t finished_ms;
  skep_view worker_id;   /* who holds or held the current attempt */
  skep_view incarnation; /* that worker's process start */
  skep_view lease_id;
  skep_view result; /* JSON document or "" */
  skep_view error;  /* JSON object {"code","message",..} or "" */
} skep_queue_task;

/* What a receiver of rows or completions may answer beside SKEP_OK and an error: it wants no more
 * and the call succeeds. Only read() and completions() meet it. */
#define SKEP_ENOUGH 1

/* Receives rows. The row and its views are valid during the call. */
typedef struct skep_queue_rows {
  void* ctx;
  skep_rc (*row)(void* ctx, const skep_queue_task* row);
} skep_queue_rows;

/* Receives one verdict per input item, by the item's index. `note` is text for people, or "". */
typedef struct skep_queue_verdicts {
  void* ctx;
  skep_rc (*verdict)(void* ctx, uint32_t index, int32_t verdict, skep_view note);
} skep_queue_verdicts;

/* Verdicts of enqueue(). `note` is the id of the task that holds the key. */
#define SKEP_ENQUEUED 0
#define SKEP_ENQUEUE_EXISTS 1   /* same idempotency key, same task: the first one stands */
#define SKEP_ENQUEUE_CONFLICT 2 /* same key (or id), different task: nothing was added */

/* Verdicts of renew(), release(), lose(), cancel(), requeue(). */
#define SKEP_LEASE_HELD 0    /* done */
#define SKEP_LEASE_LOST 1    /* attempt or lease has moved on, or the task ended: stop working */
#define SKEP_LEASE_UNKNOWN 2 /* no such task */

/* Verdicts of complete(). All but the last two are acknowledged with 2xx. */
#define SKEP_RESULT_APPLIED 0
#define SKEP_RESULT_APPLIED_LATE 1    /* the lease had run out, nobody had claimed it again */
#define SKEP_RESULT_DUPLICATE 2       /* same key, same body */
#define SKEP_RESULT_SUPERSEDED 3      /* a newer attempt or an operator decided; recorded */
#define SKEP_RESULT_ORPHAN_RECORDED 4 /* unknown task or impossible fence; kept for people */
#define SKEP_RESULT_KEY_CONFLICT 5    /* same key, different body: refused */
#define SKEP_RESULT_WRONG_WORKER 6    /* the attempt belongs to another worker: refused */

typedef struct skep_queue_filter {
  uint32_t size;
  uint32_t max; /* at most this many tasks */
  skep_view worker_id;
  skep_view incarnation;
  skep_view site;
  const skep_view* types; /* task types this worker can run */
  uint32_t type_count;
  uint32_t capability_count;
  const skep_view* capabilities;
  int64_t lease_ms; /* the claim lasts this long without renewal */
  /* Names this claim, at most 64 of [A-Za-z0-9_-], or "": lease ids are "<claim_id>.<n>". A claim
   * whose reply may have been lost is repeated under its id. */
  skep_view claim_id;
  uint32_t repeated;  /* 1: first yield what this worker process still holds under claim_id */
  uint32_t max_bytes; /* no further task once the params together have as many; 0 = no bound */
} skep_queue_filter;

typedef struct skep_queue_lease {
  uint32_t size;
  uint32_t executing; /* renew(): 1 when the worker has started the task */
  skep_view task_id;
  skep_view lease_id;
  int64_t attempt;
} skep_queue_lease;

#define SKEP_OUTCOME_SUCCEEDED 0u
#define SKEP_OUTCOME_FAILED 1u    /* retry_delay_ms says whether it is tried again */
#define SKEP_OUTCOME_CANCELLED 2u /* the task stopped because it was told to */

typedef struct skep_queue_result {
  uint32_t size;
  uint32_t outcome;
  skep_view idempotency_key;
  skep_view body_sha256; /* of the envelope's payload, hex; decides duplicate or conflict */
  skep_view task_id;
  skep_view lease_id;
  skep_view worker_id;
  skep_view incarnation;
  skep_view result; /* JSON document or "" */
  skep_view error;  /* JSON object or "" */
  int64_t attempt;
  int64_t queued_ms;      /* duration from claim to start, by the worker's clock */
  int64_t duration_ms;    /* duration of the run */
  int64_t retry_delay_ms; /* FAILED: < 0 final; else back to work after this long */
} skep_queue_result;

/* One attempt whose worker is given up; see lose(). */
typedef struct skep_queue_loss {
  uint32_t size;
  uint32_t crashed; /* 1: the worker's process died (counts towards the crash budget) */
  skep_view task_id;
  skep_view lease_id;
  int64_t attempt;
  int64_t retry_delay_ms;
  int64_t max_crashes; /* dead once crash_count reaches it */
  skep_view error;     /* JSON object to record on the attempt */
} skep_queue_loss;

/* Selects rows for read(). Empty views and zero counts do not filter. */
typedef struct skep_queue_query {
  uint32_t size;
  uint32_t limit;
  skep_view id;
  skep_view type;
  skep_view site;
  skep_view worker_id; /* holder of the current or last attempt, or the target */
  const uint32_t* states;
  uint32_t state_count;
  uint32_t newest_first; /* 1: seq descending, `after_seq` is an upper bound; 0: ascending */
  int64_t after_seq;     /* exclusive; 0 = from the start (or the end) */
  skep_view idempotency_key;
} skep_queue_query;

/* One attempt as kept in task_attempts. */
typedef struct skep_queue_attempt {
  uint32_t size;
  uint32_t ended; /* 0 while it runs */
  skep_view task_id;
  skep_view worker_id;
  skep_view incarnation;
  skep_view lease_id;
  skep_view outcome; /* succeeded failed cancelled lost released superseded, or "" */
  skep_view error;   /* JSON object or "" */
  int64_t attempt;
  int64_t claimed_ms;
  int64_t started_ms;
  int64_t finished_ms;
} skep_queue_attempt;

typedef struct skep_queue_attempts {
  void* ctx;
  skep_rc (*attempt)(void* ctx, const skep_queue_attempt* attempt);
} skep_queue_attempts;

/* A finished task in the order of finishing: sequence numbers start at 1 and have no duplicates. */
typedef struct skep_queue_completions {
  void* ctx;
  skep_rc (*completion)(void* ctx, int64_t sequence, const skep_queue_task* task);
} skep_queue_completions;

/* Counts per (state, site, type). */
typedef struct skep_queue_counts {
  void* ctx;
  skep_rc (*count)(void* ctx, uint32_t state, skep_view site, skep_view type, int64_t count,
                   int64_t oldest_created_ms);
} skep_queue_counts;

/* What requeue() puts back. */
typedef struct skep_queue_requeue {
  uint32_t size;
  uint32_t reserved;
  skep_view task_id;
  int64_t expected_attempt; /* < 0: any */
} skep_queue_requeue;

typedef struct skep_queue_v1 {
  uint32_t size;
  uint32_t flags;
  /* Adds tasks, all or none; one verdict each. With a CONFLICT among the verdicts none was added,
   * and the others say what would have become of theirs. [worker] */
  skep_rc (*enqueue)(skep_inst* inst, skep_call* call, int64_t now_ms, const skep_queue_task* tasks,
                     uint32_t n, const skep_queue_verdicts* verdicts, skep_err* err);
  /* Leases up to filter.max tasks that this worker may run: by priority, then age. Each gets
   * attempt + 1, a fresh lease id and lease_expires_ms = now + lease_ms. A repeated claim yields
   * the unstarted tasks that its id leased before, renewed, and leases others only when there are
   * none. [worker] */
  skep_rc (*claim)(skep_inst* inst, skep_call* call, int64_t now_ms,
                   const skep_queue_filter* filter, const skep_queue_rows* rows, skep_err* err);
  /* Prolongs leases to now + lease_ms; brings a suspect back. [worker] */
  skep_rc (*renew)(skep_inst* inst, skep_call* call, int64_t now_ms, const skep_queue_lease* leases,
                   uint32_t n, int64_t lease_ms, const skep_queue_verdicts* verdicts,
                   skep_err* err);
  /* Records results under their idempotency keys and moves the tasks. [worker] */
  skep_rc (*complete)(skep_inst* inst, skep_call* call, int64_t now_ms,
                      const skep_queue_result* results, uint32_t n,
                      const skep_queue_verdicts* verdicts, skep_err* err);
  /* Hands claimed tasks back without using a try. [worker] */
  skep_rc (*release)(skep_inst* inst, skep_call* call, int64_t now_ms,
                     const skep_queue_lease* leases, uint32_t n,
                     const skep_queue_verdicts* verdicts, skep_err* err);
  /* Moves due tasks to QUEUED, expired ones to CANCELLED, run-out leases to SUSPECT.
   * *next_ms becomes the next instant at which there is something to do, or 0. `monotonic_ms` is a
   * clock that is never set and counts from anywhere: when now_ms moved against it by a minute or
   * more since the last tick, in either direction, the clock was set, and what backs off keeps its
   * delay. So it does when the first tick after a start is that long before the instant at which it
   * began to. With now_ms 0 it only looks. [worker] */
  skep_rc (*tick)(skep_inst* inst, skep_call* call, int64_t now_ms, int64_t monotonic_ms,
                  int64_t* next_ms, skep_err* err);
  /* Yields suspects whose lease ended before `cutoff_ms`, and, when worker_id is given, every task
   * that this worker holds under another incarnation than `incarnation`; with many of them some
   * first: the host asks again when these are settled. Changes nothing. [worker] */
  skep_rc (*overdue)(skep_inst* inst, skep_call* call, int64_t cutoff_ms, skep_view worker_id,
                     skep_view incarnation, const skep_queue_rows* rows, skep_err* err);
  /* Gives attempts up: back to work after retry_delay_ms, or dead. Refused (LEASE_LOST) when the
   * attempt, the lease or the lease's end has changed since overdue(). [worker] */
  skep_rc (*lose)(skep_inst* inst, skep_call* call, int64_t now_ms, int64_t cutoff_ms,
                  const skep_queue_loss* losses, uint32_t n, const skep_queue_verdicts* verdicts,
                  skep_err* err);
  /* Ends a task that has not ended; the holder's lease is void from now on. LEASE_LOST when it
   * had ended already. [worker] */
  skep_rc (*cancel)(skep_inst* inst, skep_call* call, int64_t now_ms, skep_view task_id,
                    skep_view error_json, const skep_queue_verdicts* verdicts, skep_err* err);
  /* Puts an ended or a held task back to QUEUED with fresh tries; voids its lease. LEASE_LOST when
   * its attempt is not the expected one. [worker] */
  skep_rc (*requeue)(skep_inst* inst, skep_call* call, int64_t now_ms,
                     const skep_queue_requeue* what, const skep_queue_verdicts* verdicts,
                     skep_err* err);
  /* Yields the rows that match. [worker] */
  skep_rc (*read)(skep_inst* inst, skep_call* call, const skep_queue_query* query,
                  const skep_queue_rows* rows, skep_err* err);
  /* Yields the attempts of one task, oldest first. [worker] */
  skep_rc (*attempts)(skep_inst* inst, skep_call* call, skep_view task_id,
                      const skep_queue_attempts* out, skep_err* err);
  /* Yields tasks that ended, in order, after `sequence`. SKEP_E_CORRUPT when there never was one
   * and `sequence` is not 0: it is not the queue that the caller has read. [worker] */
  skep_rc (*completions)(skep_inst* inst, skep_call* call, int64_t sequence, uint32_t limit,
                         const skep_queue_completions* out, skep_err* err);
  /* Yields counts of tasks by state, site and type. [worker] */
  skep_rc (*stats)(skep_inst* inst, skep_call* call, const skep_queue_counts* out, skep_err* err);
  /* Blocks until work may have become claimable or finished since `*token`, at most timeout_ms, or
   * until the call is cancelled, which is no failure; updates *token. Start with 0. [worker] */
  skep_rc (*wait)(skep_inst* inst, skep_call* call, int64_t timeout_ms, uint64_t* token,
                  skep_err* err);
  /* Forgets history, oldest first: ends before `before_ms` with a completion up to `sequence`, each
   * task with all that is kept about it unless it was put back to work, and results and orphans
   * received before. Stops after about `limit` rows of a table; *removed becomes how many rows
   * went. [worker] */
  skep_rc (*purge)(skep_inst* inst, skep_call* call, int64_t before_ms, int64_t sequence,
                   uint32_t limit, uint32_t* removed, skep_err* err);
} skep_queue_v1;

#ifdef __cplusplus
}
#endif

#define SKEP_SIZE_1_0_QUEUE_TASK 312u
#define SKEP_SIZE_1_0_QUEUE_FILTER 112u
#define SKEP_SIZE_1_0_QUEUE_LEASE 48u
#define SKEP_SIZE_1_0_QUEUE_RESULT 168u
#define SKEP_SIZE_1_0_QUEUE_LOSS 80u
#define SKEP_SIZE_1_0_QUEUE_QUERY 112u
#define SKEP_SIZE_1_0_QUEUE_REQUEUE 32u
#define SKEP_SIZE_1_0_QUEUE_ATTEMPT 136u
#define SKEP_SIZE_1_0_QUEUE_V1 136u
#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_SIZE(skep_queue_task, SKEP_SIZE_1_0_QUEUE_TASK);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_task, error) == 296);
SKEP_ASSERT_LAYOUT(sizeof(skep_queue_rows) == 16 && offsetof(skep_queue_rows, row) == 8);
SKEP_ASSERT_LAYOUT(sizeof(skep_queue_verdicts) == 16 &&
                   offsetof(skep_queue_verdicts, verdict) == 8);
SKEP_ASSERT_SIZE(skep_queue_filter, SKEP_SIZE_1_0_QUEUE_FILTER);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_filter, max_bytes) == 108);
SKEP_ASSERT_SIZE(skep_queue_lease, SKEP_SIZE_1_0_QUEUE_LEASE);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_lease, attempt) == 40);
SKEP_ASSERT_SIZE(skep_queue_result, SKEP_SIZE_1_0_QUEUE_RESULT);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_result, retry_delay_ms) == 160);
SKEP_ASSERT_SIZE(skep_queue_loss, SKEP_SIZE_1_0_QUEUE_LOSS);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_loss, error) == 64);
SKEP_ASSERT_SIZE(skep_queue_requeue, SKEP_SIZE_1_0_QUEUE_REQUEUE);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_requeue, expected_attempt) == 24);
SKEP_ASSERT_SIZE(skep_queue_query, SKEP_SIZE_1_0_QUEUE_QUERY);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_query, idempotency_key) == 96);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_query, after_seq) == 88);
SKEP_ASSERT_SIZE(skep_queue_attempt, SKEP_SIZE_1_0_QUEUE_ATTEMPT);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_attempt, finished_ms) == 128);
SKEP_ASSERT_LAYOUT(sizeof(skep_queue_attempts) == 16 &&
                   offsetof(skep_queue_attempts, attempt) == 8);
SKEP_ASSERT_LAYOUT(sizeof(skep_queue_completions) == 16 &&
                   offsetof(skep_queue_completions, completion) == 8);
SKEP_ASSERT_LAYOUT(sizeof(skep_queue_counts) == 16 && offsetof(skep_queue_counts, count) == 8);
SKEP_ASSERT_SIZE(skep_queue_v1, SKEP_SIZE_1_0_QUEUE_V1);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_v1, enqueue) == 8);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_v1, claim) == 16);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_v1, renew) == 24);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_v1, complete) == 32);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_v1, release) == 40);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_v1, tick) == 48);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_v1, overdue) == 56);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_v1, lose) == 64);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_v1, cancel) == 72);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_v1, requeue) == 80);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_v1, read) == 88);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_v1, attempts) == 96);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_v1, completions) == 104);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_v1, stats) == 112);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_v1, wait) == 120);
SKEP_ASSERT_LAYOUT(offsetof(skep_queue_v1, purge) == 128);
#endif

#endif
