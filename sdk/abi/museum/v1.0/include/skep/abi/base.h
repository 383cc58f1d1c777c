/* skep plugin ABI, version 1: views, codes, calls, the entry point, the host table.
 *
 * Pure C (C11 and later; also C++11 and later). A plugin is one shared library that exports one
 * function, skep_plugin_entry_v1(). Everything else travels through the tables below.
 *
 * Conventions, valid for every header under skep/:
 *  1. A skep_view is borrowed: it is valid until the function that received it returns.
 *  2. Results of variable size go into a sink that the caller brings.
 *  3. Whoever creates a handle destroys it, by the function beside the one that made it.
 *  4. A struct starts with `uint32_t size` = sizeof the struct as its writer knows it, a multiple
 * of
 *     8. Structs and tables of functions grow at the end and never change inside. A reader asks for
 *     the size that the struct had in 1.0 (SKEP_SIZE_1_0_*), never for today's sizeof; what `size`
 *     does not cover is absent, and a field added later is as absent when it is 0. skep_read() does
 *     that. Elements of an array lie `array->size` bytes apart, the writer's size, the same for
 * all: SKEP_AT(). What a function fills in for its caller is written by skep_write(). Without a
 * size, and never growing: skep_view, skep_value, skep_call, and what only pairs ctx and a
 * function.
 *  5. Text is UTF-8 without a terminating zero unless the type is `const char *`.
 *  6. Times are int64_t: names end in _ms (milliseconds since 1970 UTC, or a duration) or _ns
 *     (CLOCK_MONOTONIC). 0 means "none" for an instant.
 *  7. No exception, longjmp, allocator, FILE * or errno crosses the boundary.
 *  8. A negative skep_rc comes with a message in skep_err (or by skep_call_ops.fail).
 *  9. A function that gets a skep_call looks at its deadline and cancellation wherever it can wait.
 *     The host gives up on one that does not some time after the deadline: its caller gets an
 * error, and what the function returns later is dropped.
 *
 * Thread tags, one per function pointer:
 *  [control]  one call at a time per instance, on a host thread
 *  [worker]   any host pool thread, several at once up to the component's max_concurrency
 *  [call]     on the thread that made the call, before it returns
 *  [any]      any thread, at any time between open() and close(); of a skep_call: any thread until
 *             the function that got it returns
 */
#ifndef SKEP_ABI_BASE_H
#define SKEP_ABI_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SKEP_ABI_MAJOR 1
#define SKEP_ABI_MINOR 0 /* what these headers know */
#define SKEP_ABI_ID "skep/1"

/* What this plugin is built for: things added in minor n are there under `#if SKEP_MINOR >= n`.
 * skep_add_plugin(.. ABI_MINOR n) sets it, and with it the manifest's min_minor. */
#ifndef SKEP_MINOR
#define SKEP_MINOR 0
#endif
#if SKEP_MINOR > SKEP_ABI_MINOR
#error "these headers are older than the ABI minor asked for by SKEP_MINOR"
#endif

/* The manifest note: section .note.skep, owner "SKEP", this type, JSON text as its descriptor. */
#define SKEP_NOTE_OWNER "SKEP"
#define SKEP_NOTE_TYPE 0x41470001u

/* 0 is success, negative is failure. Unknown negative values are read as SKEP_E_INTERNAL. */
typedef int32_t skep_rc;
#define SKEP_OK 0
#define SKEP_E_CANCELLED (-1)   /* the caller asked to stop */
#define SKEP_E_DEADLINE (-2)    /* out of time */
#define SKEP_E_INVALID (-3)     /* the input is wrong; the same input fails again */
#define SKEP_E_NOT_FOUND (-4)   /* what was named does not exist */
#define SKEP_E_UNSUPPORTED (-5) /* this component cannot do that */
#define SKEP_E_BUSY (-6)        /* retryable: try again after retry_ms */
#define SKEP_E_UNAVAILABLE (-7) /* retryable: something it depends on is away */
#define SKEP_E_DENIED (-8)      /* not allowed */
#define SKEP_E_CONFIG (-9)      /* the component's TOML table is wrong */
#define SKEP_E_STATE (-10)      /* not now: wrong lifecycle state, or a guard did not hold */
#define SKEP_E_NO_MEMORY (-11)  /* memory or disk space is used up */
#define SKEP_E_CORRUPT (-12)    /* stored data is damaged */
#define SKEP_E_INTERNAL (-13)   /* a bug */
#define SKEP_E_FAILED (-14)     /* the work was done and ended badly; its result says how */
#define SKEP_E_NOT_HERE (-15)   /* this node cannot run any such task now: it goes back unspent */

/* Borrowed bytes; p may be null when n is 0. */
typedef struct skep_view {
  const void* p;
  uint64_t n;
} skep_view;

typedef struct skep_inst skep_inst; /* one component instance; owned by the plugin */
typedef struct skep_host skep_host; /* the host; valid from open() to close() */

/* Where a failing function writes its message. The caller owns the buffer; the callee writes at
 * most `cap` bytes of UTF-8 to `text` and their number to `n`. `retry_ms` > 0 is a hint for
 * SKEP_E_BUSY and SKEP_E_UNAVAILABLE. May be null: then the message is dropped. */
typedef struct skep_err {
  uint32_t size;
  uint32_t retry_ms;
  uint32_t cap;
  uint32_t n;
  char* text;
} skep_err;

/* Receives bytes. Return a negative code to stop the producer. [call] */
typedef struct skep_sink {
  void* ctx;
  skep_rc (*put)(void* ctx, skep_view bytes);
} skep_sink;

/* ---- structs that grow ---- */

#ifdef __cplusplus
#define SKEP_CAST_(type, value) static_cast<type>(value)
#else
#define SKEP_CAST_(type, value) ((type)(value))
#endif

/* Element `i` of an array of structs that begin with their size. Read it by skep_read(). */
static inline const void* skep_at(const void* array, size_t i) {
  uint32_t size;
  memcpy(&size, array, sizeof(size));
  return SKEP_CAST_(const char*, array) + i * size;
}
#define SKEP_AT(array, i) skep_at((array), (i))

/* Copies *theirs, as far as both sides know it, into *mine, whose rest becomes 0 and whose size
 * becomes my_size. `size_1_0` is the struct's SKEP_SIZE_1_0_*. SKEP_E_INVALID, and *mine all 0,
 * when *theirs is smaller than that or no multiple of 8. */
static inline skep_rc skep_read(void* mine, size_t my_size, const void* theirs, size_t size_1_0) {
  const uint32_t known = SKEP_CAST_(uint32_t, my_size);
  uint32_t size;
  memset(mine, 0, my_size);
  memcpy(&size, theirs, sizeof(size));
  if (size < size_1_0 || size % 8 != 0) return SKEP_E_INVALID;
  memcpy(mine, theirs, size < my_size ? size : my_size);
  memcpy(mine, &known, sizeof(known));
  return SKEP_OK;
}

/* Fills in a struct of the caller, who has set its size: copies *mine as far as both sides know it
 * and leaves their size as it is. SKEP_E_INVALID, and nothing written, as for skep_read(). */
static inline skep_rc skep_write(void* theirs, const void* mine, size_t my_size, size_t size_1_0) {
  uint32_t size;
  memcpy(&size, theirs, sizeof(size));
  if (size < size_1_0 || size % 8 != 0) return SKEP_E_INVALID;
  memcpy(SKEP_CAST_(char*, theirs) + sizeof(size), SKEP_CAST_(const char*, mine) + sizeof(size),
         (size < my_size ? size : my_size) - sizeof(size));
  return SKEP_OK;
}

/* ---- calls ---- */

/* Reasons returned by cancelled(); 0 is "go on". Unknown ones mean "stop", too. */
#define SKEP_CANCEL_USER 1
#define SKEP_CANCEL_DEADLINE 2
#define SKEP_CANCEL_RELOAD 3
#define SKEP_CANCEL_SHUTDOWN 4
#define SKEP_CANCEL_LEASE_LOST 5

/* Levels of a line in the log. */
#define SKEP_LOG_DEBUG 0u
#define SKEP_LOG_INFO 1u
#define SKEP_LOG_WARN 2u
#define SKEP_LOG_ERROR 3u

typedef struct skep_call_ops skep_call_ops;

/* One call into the plugin. Host-owned, valid until the function that got it returns: what else
 * uses it by then has ended. */
typedef struct skep_call {
  const skep_call_ops* ops;
} skep_call;

/* What a running call may ask of the host. emit, progress and fail belong to the run of a task or a
 * script; in every other call they change nothing and return SKEP_E_STATE. */
struct skep_call_ops {
  uint32_t size;
  uint32_t flags;
  /* Hands bytes over on a channel (SKEP_CH_*, skep/kind/task.h); the host copies them. Blocks while
   * the reader is slow. Returns SKEP_E_CANCELLED once the call is cancelled: the bytes are still
   * kept. Bytes of several threads are never mixed within one emit(). [any] */
  skep_rc (*emit)(skep_call* call, uint32_t channel, skep_view bytes);
  /* Progress in 1/1000 with a short note; the host keeps the newest. [any] */
  skep_rc (*progress)(skep_call* call, uint32_t permille, skep_view note);
  /* Records why the task fails and returns `code`, so `return ops->fail(...)` reads well; the last
   * one counts. SKEP_E_BUSY and SKEP_E_UNAVAILABLE are retried after at least retry_ms.
   * SKEP_E_NOT_HERE is for what no task of this type could do on this node now, such as a disk that
   * is full: the task goes back to the queue without using a try, and the node takes none for a
   * while. All else is final. [any] */
  skep_rc (*fail)(skep_call* call, skep_rc code, uint32_t retry_ms, skep_view message);
  /* 0, or the reason to stop. [any] */
  int32_t (*cancelled)(skep_call* call);
  /* When the call's time is up, CLOCK_MONOTONIC ns; INT64_MAX when it has no limit. [any] */
  int64_t (*deadline_ns)(skep_call* call);
  /* Sleeps until `until_ns` (monotonic) or cancellation; returns cancelled(). [any] */
  int32_t (*wait)(skep_call* call, int64_t until_ns);
  /* A descriptor that becomes readable on cancellation, -1 when there is none to be had.
   * Host-owned: do not read or close it. [any] */
  int32_t (*cancel_fd)(skep_call* call);
  /* One line in the host's log, which adds time, plugin, component and the task's id: `event` is a
   * stable lower_case name, `fields_json` one JSON object or "". [any] */
  void (*log)(skep_call* call, uint32_t level, skep_view event, skep_view fields_json);
};

/* ---- host and plugin ---- */

struct skep_host {
  uint32_t size;
  uint32_t abi_minor; /* SKEP_ABI_MINOR of the host */
  /* The table of a service such as "skep.svc.log/1", or null when this host has none.
   * The table lives as long as the host handle. [any] */
  const void* (*service)(const skep_host* host, const char* id);
};

typedef struct skep_plugin_v1 skep_plugin_v1;

/* The one table a plugin returns. All function pointers must be set. `self` is the pointer that
 * skep_plugin_entry_v1() returned. */
struct skep_plugin_v1 {
  uint32_t size;
  uint32_t abi_minor; /* SKEP_MINOR of the plugin */
  /* First call after loading. `host` stays valid until close(). [control] */
  skep_rc (*open)(const skep_plugin_v1* self, const skep_host* host, skep_err* err);
  /* Last call; all instances are destroyed by then. [control] */
  void (*close)(const skep_plugin_v1* self);
  /* Makes an instance of `component`. `config_json` is one JSON object, complete and valid against
   * the component's config_schema. No work beyond checking it: start() does work. [control] */
  skep_rc (*create)(const skep_plugin_v1* self, const char* component, skep_view config_json,
                    skep_inst** out, skep_err* err);
  /* Opens files, connections. After a failure the instance can only be destroyed. [control] */
  skep_rc (*start)(skep_inst* inst, skep_call* call, skep_err* err);
  /* No new calls come before the deadline of `call`; finish what runs until then. [control] */
  skep_rc (*drain)(skep_inst* inst, skep_call* call, skep_err* err);
  /* Undoes start(); legal without start() and twice. [control] */
  skep_rc (*stop)(skep_inst* inst, skep_call* call, skep_err* err);
  /* Frees the instance; legal in every state. [control] */
  void (*destroy)(skep_inst* inst);
  /* The interface table `id` ("skep.kind.task/1") of `component`, or null. Static data. [any] */
  const void* (*iface)(const skep_plugin_v1* self, const char* component, const char* id);
  void* user; /* the plugin's own; the host leaves it alone */
};

typedef const skep_plugin_v1* (*skep_plugin_entry_fn)(void);

#if defined(__GNUC__)
#define SKEP_EXPORT __attribute__((visibility("default")))
#else
#define SKEP_EXPORT
#endif

/* The only exported symbol. Pure: no side effects, returns static data. */
SKEP_EXPORT const skep_plugin_v1* skep_plugin_entry_v1(void);
#define SKEP_PLUGIN_ENTRY_SYMBOL "skep_plugin_entry_v1"

#ifdef __cplusplus
}
#endif

/* The layout is frozen for 64-bit targets: every author's compiler checks it. A reader asks for
 * these sizes; sizeof is what the writer knows. */
#define SKEP_SIZE_1_0_ERR 24u
#define SKEP_SIZE_1_0_CALL_OPS 72u
#define SKEP_SIZE_1_0_HOST 16u
#define SKEP_SIZE_1_0_PLUGIN_V1 80u

#if defined(__cplusplus) && __cplusplus >= 201103L
#define SKEP_ASSERT_LAYOUT(cond) static_assert(cond, "skep ABI layout")
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define SKEP_ASSERT_LAYOUT(cond) _Static_assert(cond, "skep ABI layout")
#else
#define SKEP_ASSERT_LAYOUT(cond) extern int skep_layout_unchecked
#endif
/* A struct that grows: exactly so large in 1.0, and larger later. */
#if SKEP_MINOR == 0
#define SKEP_ASSERT_SIZE(type, size_1_0) SKEP_ASSERT_LAYOUT(sizeof(type) == (size_1_0))
#else
#define SKEP_ASSERT_SIZE(type, size_1_0) \
  SKEP_ASSERT_LAYOUT(sizeof(type) >= (size_1_0) && sizeof(type) % 8 == 0)
#endif
#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_LAYOUT(sizeof(skep_view) == 16 && offsetof(skep_view, n) == 8);
SKEP_ASSERT_LAYOUT(sizeof(skep_sink) == 16 && offsetof(skep_sink, put) == 8);
SKEP_ASSERT_LAYOUT(sizeof(skep_call) == 8);
SKEP_ASSERT_SIZE(skep_err, SKEP_SIZE_1_0_ERR);
SKEP_ASSERT_LAYOUT(offsetof(skep_err, text) == 16);
SKEP_ASSERT_SIZE(struct skep_call_ops, SKEP_SIZE_1_0_CALL_OPS);
SKEP_ASSERT_LAYOUT(offsetof(struct skep_call_ops, emit) == 8);
SKEP_ASSERT_LAYOUT(offsetof(struct skep_call_ops, progress) == 16);
SKEP_ASSERT_LAYOUT(offsetof(struct skep_call_ops, fail) == 24);
SKEP_ASSERT_LAYOUT(offsetof(struct skep_call_ops, cancelled) == 32);
SKEP_ASSERT_LAYOUT(offsetof(struct skep_call_ops, deadline_ns) == 40);
SKEP_ASSERT_LAYOUT(offsetof(struct skep_call_ops, wait) == 48);
SKEP_ASSERT_LAYOUT(offsetof(struct skep_call_ops, cancel_fd) == 56);
SKEP_ASSERT_LAYOUT(offsetof(struct skep_call_ops, log) == 64);
SKEP_ASSERT_SIZE(struct skep_host, SKEP_SIZE_1_0_HOST);
SKEP_ASSERT_LAYOUT(offsetof(struct skep_host, service) == 8);
SKEP_ASSERT_SIZE(struct skep_plugin_v1, SKEP_SIZE_1_0_PLUGIN_V1);
SKEP_ASSERT_LAYOUT(offsetof(struct skep_plugin_v1, open) == 8);
SKEP_ASSERT_LAYOUT(offsetof(struct skep_plugin_v1, close) == 16);
SKEP_ASSERT_LAYOUT(offsetof(struct skep_plugin_v1, create) == 24);
SKEP_ASSERT_LAYOUT(offsetof(struct skep_plugin_v1, start) == 32);
SKEP_ASSERT_LAYOUT(offsetof(struct skep_plugin_v1, drain) == 40);
SKEP_ASSERT_LAYOUT(offsetof(struct skep_plugin_v1, stop) == 48);
SKEP_ASSERT_LAYOUT(offsetof(struct skep_plugin_v1, destroy) == 56);
SKEP_ASSERT_LAYOUT(offsetof(struct skep_plugin_v1, iface) == 64);
SKEP_ASSERT_LAYOUT(offsetof(struct skep_plugin_v1, user) == 72);
#endif

#endif
