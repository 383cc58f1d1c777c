/* Kind skep.kind.spool/1: keeps envelopes on the worker until the control plane has them.
 *
 * An item is written before it is first sent. put() makes items durable; then each is settled by
 * ack() (delivered), defer() (not delivered: replay it later) or reject() (refused for good). Items
 * that were put and never settled come back through next() after a restart. */
#ifndef SKEP_KIND_SPOOL_H
#define SKEP_KIND_SPOOL_H

#include "skep/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SKEP_KIND_SPOOL "skep.kind.spool/1"

typedef struct skep_spool_item {
  uint32_t size;
  uint32_t reserved;
  skep_view name;         /* put(): ignored, next(): the item's name */
  skep_view payload_type; /* facts, logs, execution_result or health */
  skep_view task_id;      /* or the worker's id when there is no task */
  skep_view body;         /* one JSON object */
} skep_spool_item;

typedef struct skep_spool_items {
  void* ctx;
  skep_rc (*item)(void* ctx, uint32_t index, const skep_spool_item* item);
} skep_spool_items;

typedef struct skep_spool_stats {
  uint32_t size;
  uint32_t degraded; /* 1: the last write failed; put() is likely to fail */
  int64_t ready;     /* items waiting for replay */
  int64_t ready_bytes;
  int64_t in_flight;   /* put and not settled yet */
  int64_t quarantined; /* damaged items set aside since start, and those found at start */
  int64_t rejected;
  int64_t evicted;   /* items dropped under pressure since start; never execution_result */
  int64_t oldest_ms; /* instant of the oldest ready item, 0 = none */
} skep_spool_stats;

typedef struct skep_spool_v1 {
  uint32_t size;
  uint32_t flags;
  /* Sets `bytes` of space aside, so that a later put() of as much cannot fail for lack of room.
   * SKEP_E_NO_MEMORY when the disk or the spool's own limit does not allow it. Of 0 bytes nothing
   * is set aside: it asks whether the spool takes anything now; SKEP_E_UNAVAILABLE, _DENIED or
   * _NOT_FOUND, such as of a folder that is gone, stops the worker's claims. [worker] */
  skep_rc (*reserve)(skep_inst* inst, skep_call* call, uint64_t bytes, skep_err* err);
  /* Gives back what reserve() took. [worker] */
  void (*unreserve)(skep_inst* inst, skep_call* call, uint64_t bytes);
  /* Makes all items durable, or none; `names` gets each item's name in order. [worker] */
  skep_rc (*put)(skep_inst* inst, skep_call* call, const skep_spool_item* items, uint32_t n,
                 const skep_spool_items* names, skep_err* err);
  /* Delivered: forget them; after a crash one may come back and is delivered again. Unknown names
   * are ignored. [worker] */
  skep_rc (*ack)(skep_inst* inst, skep_call* call, const skep_view* names, uint32_t n,
                 skep_err* err);
  /* Not delivered: they join the items that next() yields. [worker] */
  skep_rc (*defer)(skep_inst* inst, skep_call* call, const skep_view* names, uint32_t n,
                   skep_err* err);
  /* Refused for good: set aside for people, with the reason beside it. [worker] */
  skep_rc (*reject)(skep_inst* inst, skep_call* call, skep_view name, skep_view reason,
                    skep_err* err);
  /* Yields up to `max` ready items, newest first. Damaged ones are quarantined on the way and never
   * yielded. An item stays ready until it is acked or rejected. None yielded says that the spool is
   * empty: when what is left cannot be read now, fail. [worker] */
  skep_rc (*next)(skep_inst* inst, skep_call* call, uint32_t max, const skep_spool_items* items,
                  skep_err* err);
  /* Fills in *out, whose size the caller has set. [worker] */
  skep_rc (*stats)(skep_inst* inst, skep_call* call, skep_spool_stats* out, skep_err* err);
  /* Checks every item; yields a damaged item's name, its body being the reason. [worker] */
  skep_rc (*verify)(skep_inst* inst, skep_call* call, const skep_spool_items* problems,
                    skep_err* err);
} skep_spool_v1;

#ifdef __cplusplus
}
#endif

#define SKEP_SIZE_1_0_SPOOL_ITEM 72u
#define SKEP_SIZE_1_0_SPOOL_STATS 64u
#define SKEP_SIZE_1_0_SPOOL_V1 80u
#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_SIZE(skep_spool_item, SKEP_SIZE_1_0_SPOOL_ITEM);
SKEP_ASSERT_LAYOUT(offsetof(skep_spool_item, body) == 56);
SKEP_ASSERT_LAYOUT(sizeof(skep_spool_items) == 16 && offsetof(skep_spool_items, item) == 8);
SKEP_ASSERT_SIZE(skep_spool_stats, SKEP_SIZE_1_0_SPOOL_STATS);
SKEP_ASSERT_LAYOUT(offsetof(skep_spool_stats, oldest_ms) == 56);
SKEP_ASSERT_SIZE(skep_spool_v1, SKEP_SIZE_1_0_SPOOL_V1);
SKEP_ASSERT_LAYOUT(offsetof(skep_spool_v1, reserve) == 8);
SKEP_ASSERT_LAYOUT(offsetof(skep_spool_v1, unreserve) == 16);
SKEP_ASSERT_LAYOUT(offsetof(skep_spool_v1, put) == 24);
SKEP_ASSERT_LAYOUT(offsetof(skep_spool_v1, ack) == 32);
SKEP_ASSERT_LAYOUT(offsetof(skep_spool_v1, defer) == 40);
SKEP_ASSERT_LAYOUT(offsetof(skep_spool_v1, reject) == 48);
SKEP_ASSERT_LAYOUT(offsetof(skep_spool_v1, next) == 56);
SKEP_ASSERT_LAYOUT(offsetof(skep_spool_v1, stats) == 64);
SKEP_ASSERT_LAYOUT(offsetof(skep_spool_v1, verify) == 72);
#endif

#endif
