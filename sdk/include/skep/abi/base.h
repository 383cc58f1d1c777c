/* skep plugin ABI, version 1: views, codes, the entry point, the host table.
 *
 * Pure C (C11 and later; also C++11 and later). A plugin is one shared library that exports one
 * function, skep_plugin_entry_v1(). Everything else travels through the tables below.
 *
 * Conventions, valid for every header under skep/:
 *  1. A skep_view is borrowed: it is valid until the function that received it returns.
 *  2. Results of variable size go into a sink that the caller brings.
 *  3. Whoever creates a handle destroys it, by the function beside the one that made it.
 *  4. A struct starts with `uint32_t size` = sizeof the struct as its writer knows it. A reader
 *     touches a field only if `size` covers it; structs grow at the end and never change inside.
 *     Without it, and never growing: skep_view, skep_value, and what only pairs ctx and a function.
 *  5. Text is UTF-8 without a terminating zero unless the type is `const char *`.
 *  6. Times are int64_t: names end in _ms (milliseconds since 1970 UTC, or a duration) or _ns
 *     (CLOCK_MONOTONIC). 0 means "none" for an instant.
 *  7. No exception, longjmp, allocator, FILE * or errno crosses the boundary.
 *  8. A negative skep_rc comes with a message in skep_err (or by skep_call_ops.fail).
 *
 * Thread tags, one per function pointer:
 *  [control]  one call at a time per instance, on a host thread
 *  [worker]   any host pool thread, several at once up to the component's max_concurrency
 *  [call]     only on the thread that runs that call
 *  [any]      any thread, at any time between open() and close()
 */
#ifndef SKEP_ABI_BASE_H
#define SKEP_ABI_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SKEP_ABI_MAJOR 1
#define SKEP_ABI_MINOR 0
#define SKEP_ABI_ID "skep/1"

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
typedef struct skep_call skep_call; /* one task in flight; owned by the host */
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

/* Receives bytes. Return a negative code to stop the producer. */
typedef struct skep_sink {
  void* ctx;
  skep_rc (*put)(void* ctx, skep_view bytes);
} skep_sink;

struct skep_host {
  uint32_t size;
  uint32_t abi_minor; /* SKEP_ABI_MINOR of the host */
  /* The table of a service such as "skep.svc.log/1", or null when this host has none.
   * The table lives as long as the host handle. [any] */
  const void* (*service)(const skep_host* host, const char* id);
};

/* The one table a plugin returns. All pointers must be set. */
typedef struct skep_plugin_v1 {
  uint32_t size;
  uint32_t abi_minor; /* SKEP_ABI_MINOR the plugin was built with */
  /* First call after loading. `host` stays valid until close(). [control] */
  skep_rc (*open)(const skep_host* host, skep_err* err);
  /* Last call; all instances are destroyed by then. [control] */
  void (*close)(void);
  /* Makes an instance of `component`. `config_json` is one JSON object, complete and valid against
   * the component's config_schema. No work beyond checking it: start() does work. [control] */
  skep_rc (*create)(const char* component, skep_view config_json, skep_inst** out, skep_err* err);
  /* Opens files, connections. After a failure the instance can only be destroyed. [control] */
  skep_rc (*start)(skep_inst* inst, skep_err* err);
  /* No new calls come before `deadline_ns` (monotonic); finish what runs until then. [control] */
  skep_rc (*drain)(skep_inst* inst, int64_t deadline_ns, skep_err* err);
  /* Undoes start(); legal without start() and twice. [control] */
  skep_rc (*stop)(skep_inst* inst, skep_err* err);
  /* Frees the instance; legal in every state. [control] */
  void (*destroy)(skep_inst* inst);
  /* The interface table `id` ("skep.kind.task/1") of `component`, or null. Static data. [any] */
  const void* (*iface)(const char* component, const char* id);
} skep_plugin_v1;

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

/* The layout is frozen for 64-bit targets: every author's compiler checks it. */
#if defined(__cplusplus) && __cplusplus >= 201103L
#define SKEP_ASSERT_LAYOUT(cond) static_assert(cond, "skep ABI layout")
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define SKEP_ASSERT_LAYOUT(cond) _Static_assert(cond, "skep ABI layout")
#else
#define SKEP_ASSERT_LAYOUT(cond) extern int skep_layout_unchecked
#endif
#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_LAYOUT(sizeof(skep_view) == 16 && offsetof(skep_view, n) == 8);
SKEP_ASSERT_LAYOUT(sizeof(skep_err) == 24 && offsetof(skep_err, text) == 16);
SKEP_ASSERT_LAYOUT(sizeof(skep_sink) == 16 && offsetof(skep_sink, put) == 8);
SKEP_ASSERT_LAYOUT(sizeof(skep_host) == 16);
SKEP_ASSERT_LAYOUT(offsetof(skep_host, service) == 8);
SKEP_ASSERT_LAYOUT(sizeof(skep_plugin_v1) == 72);
SKEP_ASSERT_LAYOUT(offsetof(skep_plugin_v1, open) == 8);
SKEP_ASSERT_LAYOUT(offsetof(skep_plugin_v1, close) == 16);
SKEP_ASSERT_LAYOUT(offsetof(skep_plugin_v1, create) == 24);
SKEP_ASSERT_LAYOUT(offsetof(skep_plugin_v1, start) == 32);
SKEP_ASSERT_LAYOUT(offsetof(skep_plugin_v1, drain) == 40);
SKEP_ASSERT_LAYOUT(offsetof(skep_plugin_v1, stop) == 48);
SKEP_ASSERT_LAYOUT(offsetof(skep_plugin_v1, destroy) == 56);
SKEP_ASSERT_LAYOUT(offsetof(skep_plugin_v1, iface) == 64);
#endif

#endif
