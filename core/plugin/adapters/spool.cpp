#include "core/plugin/adapters/spool.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "core/base/mutex.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

using Items = std::vector<ports::SpoolItem>;

/// What the plugin yields.
struct Yielded {
  Yielded() = default;
  Yielded(const Yielded&) = delete;
  Yielded& operator=(const Yielded&) = delete;

  /// Nothing may be thrown back into the plugin.
  static skep_rc collect(void* out, std::uint32_t, const skep_spool_item* theirs) noexcept {
    skep_spool_item item;
    if (skep_read(&item, sizeof(item), theirs, SKEP_SIZE_1_0_SPOOL_ITEM) != SKEP_OK)
      return SKEP_E_CORRUPT;
    try {
      const auto own = [](skep_view v) { return std::string(text(v)); };
      static_cast<Items*>(out)->push_back(
          {own(item.name), own(item.payload_type), own(item.task_id), own(item.body)});
      return SKEP_OK;
    } catch (const std::bad_alloc&) {
      return SKEP_E_NO_MEMORY;
    }
  }

  Items items{};
  const skep_spool_items sink{&items, collect};
};

/// What a put() owns.
struct Put : Yielded {
  explicit Put(std::span<const ports::SpoolItem> given) : own(given.begin(), given.end()) {
    in.reserve(own.size());
    for (const ports::SpoolItem& item : own)
      in.push_back({sizeof(skep_spool_item),
                    0,
                    {},
                    to_view(item.payload_type),
                    to_view(item.task_id),
                    to_view(item.body)});
  }
  const Items own;
  std::vector<skep_spool_item> in;
};

const skep_spool_v1& table_of(const Inside& in) {
  return *static_cast<const skep_spool_v1*>(in.table);
}

}  // namespace

/// What the callers have set aside, and what of it the newest generation knows. [any]
class SpoolAdapter::Reserved {
 public:
  /// The first call of a target reserves there what the one before had set aside.
  void carry_over(const Inside& in);
  void add(std::uint64_t bytes, std::uint64_t target);
  void remove(std::uint64_t bytes);
  /// Gives back what nobody needs any more.
  void give_back(const Inside& in);

 private:
  Mutex mutex_;
  std::uint64_t target_ SKEP_GUARDED_BY(mutex_) = 0;    ///< the newest that was called
  std::uint64_t reserved_ SKEP_GUARDED_BY(mutex_) = 0;  ///< by our callers, in bytes
  std::uint64_t backed_ SKEP_GUARDED_BY(mutex_) = 0;    ///< of these by that target
};

void SpoolAdapter::Reserved::carry_over(const Inside& in) {
  std::uint64_t wanted = 0;
  {
    const MutexLock lock(mutex_);
    if (in.number <= target_) return;
    target_ = in.number;
    backed_ = 0;
    wanted = reserved_;
  }
  const skep_spool_v1& table = table_of(in);
  if (wanted == 0 || table.reserve(in.inst, in.call, wanted, nullptr) != SKEP_OK) return;
  std::uint64_t surplus = wanted;  // somebody gave some of it back meanwhile, or it is outdated
  {
    const MutexLock lock(mutex_);
    if (in.number == target_) {
      backed_ += wanted;
      surplus = backed_ > reserved_ ? backed_ - reserved_ : 0;
      backed_ -= surplus;
    }
  }
  if (surplus > 0) table.unreserve(in.inst, in.call, surplus);
}

void SpoolAdapter::Reserved::add(std::uint64_t bytes, std::uint64_t target) {
  const MutexLock lock(mutex_);
  reserved_ += bytes;
  if (target == target_) backed_ += bytes;
}

void SpoolAdapter::Reserved::remove(std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  reserved_ -= std::min(bytes, reserved_);
}

void SpoolAdapter::Reserved::give_back(const Inside& in) {
  std::uint64_t free = 0;
  {
    const MutexLock lock(mutex_);
    if (in.number == target_ && backed_ > reserved_)
      free = std::exchange(backed_, reserved_) - reserved_;
  }
  if (free > 0) table_of(in).unreserve(in.inst, in.call, free);
}

SpoolAdapter::SpoolAdapter(std::shared_ptr<RouteHandle> route)
    : route_(std::move(route)), reserved_(std::make_shared<Reserved>()) {}

SpoolAdapter::~SpoolAdapter() = default;

/// A spool with a call that does not come back takes nothing now, whatever it says.
Status SpoolAdapter::reserve(std::uint64_t bytes) {
  CallRule rule = step("reserve");
  if (bytes == 0) rule.most_hung = 1;
  const auto target = std::make_shared<std::uint64_t>(0);
  return call_component(*route_, rule,
                        {[own = reserved_, target, bytes](const Inside& in) {
                           own->carry_over(in);
                           *target = in.number;
                           return table_of(in).reserve(in.inst, in.call, bytes, in.err);
                         },
                         [&]() -> Status {
                           reserved_->add(bytes, *target);
                           return {};
                         },
                         [bytes](const Inside& in) {
                           if (bytes > 0) table_of(in).unreserve(in.inst, in.call, bytes);
                         }});
}

/// Also when the spool is not there to hear of it: the next one that is gives it back.
void SpoolAdapter::unreserve(std::uint64_t bytes) {
  reserved_->remove(bytes);
  static_cast<void>(
      call_component(*route_, step("unreserve"), {[own = reserved_](const Inside& in) {
        own->carry_over(in);
        own->give_back(in);
        return SKEP_OK;
      }}));
}

Result<std::vector<std::string>> SpoolAdapter::put(std::span<const ports::SpoolItem> items) {
  const auto put = std::make_shared<Put>(items);
  SKEP_TRY(call_component(
      *route_, step("put"),
      {[own = reserved_, put](const Inside& in) {
         own->carry_over(in);
         return table_of(in).put(in.inst, in.call, put->in.data(), count_of(put->in.size()),
                                 &put->sink, in.err);
       },
       [&]() -> Status {
         if (put->items.size() == items.size()) return {};
         return internal_error("the spool named " + std::to_string(put->items.size()) + " of " +
                               std::to_string(items.size()) + " items");
       },
       [put](const Inside& in) {
         std::vector<skep_view> names;
         for (const ports::SpoolItem& item : put->items) names.push_back(to_view(item.name));
         table_of(in).defer(in.inst, in.call, names.data(), count_of(names.size()), in.err);
       }}));
  std::vector<std::string> names;
  names.reserve(put->items.size());
  for (ports::SpoolItem& item : put->items) names.push_back(std::move(item.name));
  return names;
}

namespace {

using Names = std::vector<std::string>;

std::shared_ptr<const Names> owned(std::span<const std::string> names) {
  return std::make_shared<const Names>(names.begin(), names.end());
}

}  // namespace

Status SpoolAdapter::ack(std::span<const std::string> names) {
  return call_with<skep_spool_v1>(
      *route_, step("ack"), owned(names), [](auto& t, const Inside& i, const Names& own) {
        return t.ack(i.inst, i.call, views(own).data(), count_of(own.size()), i.err);
      });
}

Status SpoolAdapter::defer(std::span<const std::string> names) {
  return call_with<skep_spool_v1>(
      *route_, step("defer"), owned(names), [](auto& t, const Inside& i, const Names& own) {
        return t.defer(i.inst, i.call, views(own).data(), count_of(own.size()), i.err);
      });
}

Status SpoolAdapter::reject(std::string_view name, std::string_view reason) {
  struct Refused {
    std::string name;
    std::string reason;
  };
  const auto refused =
      std::make_shared<const Refused>(Refused{std::string(name), std::string(reason)});
  return call_with<skep_spool_v1>(
      *route_, step("reject"), refused, [](auto& t, const Inside& i, const Refused& r) {
        return t.reject(i.inst, i.call, to_view(r.name), to_view(r.reason), i.err);
      });
}

Result<Items> SpoolAdapter::next(std::uint32_t max) {
  const auto out = std::make_shared<Yielded>();
  SKEP_TRY(call_with<skep_spool_v1>(*route_, step("next"), out,
                                    [max](auto& t, const Inside& i, Yielded& y) {
                                      return t.next(i.inst, i.call, max, &y.sink, i.err);
                                    }));
  return std::move(out->items);
}

Result<ports::SpoolStats> SpoolAdapter::stats() {
  const auto out = std::make_shared<skep_spool_stats>();
  out->size = sizeof(*out);
  SKEP_TRY(call_with<skep_spool_v1>(*route_, step("stats"), out,
                                    [](auto& t, const Inside& i, skep_spool_stats& s) {
                                      return t.stats(i.inst, i.call, &s, i.err);
                                    }));
  return ports::SpoolStats{out->degraded != 0, out->ready,    out->ready_bytes, out->in_flight,
                           out->quarantined,   out->rejected, out->evicted,     out->oldest_ms};
}

Result<std::vector<ports::SpoolProblem>> SpoolAdapter::verify() {
  const auto found = std::make_shared<Yielded>();
  SKEP_TRY(call_with<skep_spool_v1>(*route_, {"verify", route_->limits.whole}, found,
                                    [](auto& t, const Inside& i, Yielded& y) {
                                      return t.verify(i.inst, i.call, &y.sink, i.err);
                                    }));
  std::vector<ports::SpoolProblem> out;
  for (ports::SpoolItem& item : found->items)
    out.push_back({std::move(item.name), std::move(item.body)});
  return out;
}

}  // namespace skep::plugin
