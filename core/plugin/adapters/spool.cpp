#include "core/plugin/adapters/spool.hpp"

#include <algorithm>
#include <utility>

#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

using Items = std::vector<ports::SpoolItem>;

/// Collects what the plugin yields; nothing may be thrown back into it.
skep_rc collect(void* out, std::uint32_t, const skep_spool_item* item) noexcept {
  try {
    const auto own = [](skep_view v) { return std::string(text(v)); };
    static_cast<Items*>(out)->push_back(
        {own(item->name), own(item->payload_type), own(item->task_id), own(item->body)});
    return SKEP_OK;
  } catch (const std::bad_alloc&) {
    return SKEP_E_NO_MEMORY;
  }
}

std::vector<skep_view> views(std::span<const std::string> names) {
  std::vector<skep_view> out;
  out.reserve(names.size());
  for (const std::string& name : names) out.push_back(to_view(name));
  return out;
}

}  // namespace

/// The first call of a target reserves there what the one before had set aside.
void SpoolAdapter::carry_over(const skep_spool_v1* table, skep_inst* inst, std::uint64_t target) {
  std::uint64_t wanted = 0;
  {
    const MutexLock lock(mutex_);
    if (target <= target_) return;
    target_ = target;
    backed_ = 0;
    wanted = reserved_;
  }
  if (wanted == 0 || table->reserve(inst, wanted, nullptr) != SKEP_OK) return;
  std::uint64_t surplus = wanted;  // somebody gave some of it back meanwhile, or it is outdated
  {
    const MutexLock lock(mutex_);
    if (target == target_) {
      backed_ += wanted;
      surplus = backed_ > reserved_ ? backed_ - reserved_ : 0;
      backed_ -= surplus;
    }
  }
  if (surplus > 0) table->unreserve(inst, surplus);
}

Status SpoolAdapter::reserve(std::uint64_t bytes) {
  return enter_with<skep_spool_v1>(*route_,
                                   [&](auto* t, auto* inst, std::uint64_t target, skep_err* err) {
                                     carry_over(t, inst, target);
                                     const skep_rc rc = t->reserve(inst, bytes, err);
                                     if (rc != SKEP_OK) return rc;
                                     const MutexLock lock(mutex_);
                                     reserved_ += bytes;
                                     if (target == target_) backed_ += bytes;
                                     return rc;
                                   });
}

void SpoolAdapter::unreserve(std::uint64_t bytes) {
  static_cast<void>(
      enter_with<skep_spool_v1>(*route_, [&](auto* t, auto* inst, std::uint64_t target, skep_err*) {
        carry_over(t, inst, target);
        std::uint64_t free = 0;
        {
          const MutexLock lock(mutex_);
          reserved_ -= std::min(bytes, reserved_);
          if (target == target_ && backed_ > reserved_)
            free = std::exchange(backed_, reserved_) - reserved_;
        }
        if (free > 0) t->unreserve(inst, free);
        return SKEP_OK;
      }));
}

Result<std::vector<std::string>> SpoolAdapter::put(std::span<const ports::SpoolItem> items) {
  std::vector<skep_spool_item> in;
  in.reserve(items.size());
  for (const ports::SpoolItem& item : items)
    in.push_back({sizeof(skep_spool_item),
                  0,
                  {},
                  to_view(item.payload_type),
                  to_view(item.task_id),
                  to_view(item.body)});
  Items named;
  const skep_spool_items sink{&named, collect};
  SKEP_TRY(enter_with<skep_spool_v1>(
      *route_,
      [&](auto* t, auto* inst, std::uint64_t target, skep_err* err) {
        carry_over(t, inst, target);
        return t->put(inst, in.data(), static_cast<std::uint32_t>(in.size()), &sink, err);
      },
      [&]() -> Status {
        if (named.size() == items.size()) return {};
        return internal_error("the spool named " + std::to_string(named.size()) + " of " +
                              std::to_string(items.size()) + " items");
      }));
  std::vector<std::string> names;
  names.reserve(named.size());
  for (ports::SpoolItem& item : named) names.push_back(std::move(item.name));
  return names;
}

Status SpoolAdapter::ack(std::span<const std::string> names) {
  const auto in = views(names);
  return enter<skep_spool_v1>(*route_, [&](auto* t, auto* inst, skep_err* err) {
    return t->ack(inst, in.data(), static_cast<std::uint32_t>(in.size()), err);
  });
}

Status SpoolAdapter::defer(std::span<const std::string> names) {
  const auto in = views(names);
  return enter<skep_spool_v1>(*route_, [&](auto* t, auto* inst, skep_err* err) {
    return t->defer(inst, in.data(), static_cast<std::uint32_t>(in.size()), err);
  });
}

Status SpoolAdapter::reject(std::string_view name, std::string_view reason) {
  return enter<skep_spool_v1>(*route_, [&](auto* t, auto* inst, skep_err* err) {
    return t->reject(inst, to_view(name), to_view(reason), err);
  });
}

Result<Items> SpoolAdapter::next(std::uint32_t max) {
  Items out;
  const skep_spool_items sink{&out, collect};
  SKEP_TRY(enter<skep_spool_v1>(
      *route_, [&](auto* t, auto* inst, skep_err* err) { return t->next(inst, max, &sink, err); }));
  return out;
}

Result<ports::SpoolStats> SpoolAdapter::stats() {
  skep_spool_stats s{};
  s.size = sizeof(s);
  SKEP_TRY(enter<skep_spool_v1>(
      *route_, [&](auto* t, auto* inst, skep_err* err) { return t->stats(inst, &s, err); }));
  return ports::SpoolStats{s.degraded != 0, s.ready,    s.ready_bytes, s.in_flight,
                           s.quarantined,   s.rejected, s.evicted,     s.oldest_ms};
}

Result<std::vector<ports::SpoolProblem>> SpoolAdapter::verify() {
  Items found;
  const skep_spool_items sink{&found, collect};
  SKEP_TRY(enter<skep_spool_v1>(
      *route_, [&](auto* t, auto* inst, skep_err* err) { return t->verify(inst, &sink, err); }));
  std::vector<ports::SpoolProblem> out;
  for (ports::SpoolItem& item : found) out.push_back({std::move(item.name), std::move(item.body)});
  return out;
}

}  // namespace skep::plugin
