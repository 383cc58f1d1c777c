#include "lanes.hpp"

#include <algorithm>
#include <mutex>
#include <set>

#include "skep/json.hpp"

namespace skep::sqlite {
namespace {

constexpr std::size_t kCrowd = 256;

std::string address(std::string_view type, std::string_view site, std::string_view worker) {
  std::string out;
  out.reserve(type.size() + site.size() + worker.size() + 2);
  out.append(type).append(1, '\0').append(site).append(1, '\0').append(worker);
  return out;
}

std::vector<std::string> parse_requirements(std::string_view json) {
  std::vector<std::string> out;
  if (json.empty() || json == "[]") return out;
  const Json list = Json::parse(json);
  for (const Json& name : list.items()) out.emplace_back(name.str());
  return out;
}

using Names = std::set<std::string_view>;

/// One of the names that `|` parts is enough.
bool has_one(const Names& offered, std::string_view requirement) {
  for (;;) {
    const auto end = requirement.find('|');
    if (offered.contains(requirement.substr(0, end))) return true;
    if (end == std::string_view::npos) return false;
    requirement.remove_prefix(end + 1);
  }
}

bool has_all(const Names& offered, const std::vector<std::string>& needed) {
  return std::all_of(needed.begin(), needed.end(),
                     [&](const std::string& need) { return has_one(offered, need); });
}

}  // namespace

void Lanes::add(std::int64_t id, const LaneKey& key) {
  lanes_[address(key.type, key.site, key.target_worker)].push_back(
      {id, std::string(key.requirements), parse_requirements(key.requirements)});
  ++count_;
}

void Lanes::refresh(Connection& db) {
  if (!stale_) return;
  const std::unique_lock lock(mutex_);
  lanes_.clear();
  count_ = 0;
  Statement all = db.prepare("SELECT lane_id, type, site, target_worker, requirements FROM lanes");
  while (all.step()) add(all.integer(0), {all.text(1), all.text(2), all.text(3), all.text(4)});
  crowd_ = std::max(kCrowd, 2 * count_);
  stale_ = false;
}

std::int64_t Lanes::id_of(Connection& db, const LaneKey& key) {
  refresh(db);
  {
    const std::shared_lock lock(mutex_);
    const auto it = lanes_.find(address(key.type, key.site, key.target_worker));
    if (it != lanes_.end())
      for (const Lane& lane : it->second)
        if (lane.requirements_json == key.requirements) return lane.id;
  }
  db.prepare("INSERT INTO lanes (type, site, target_worker, requirements) VALUES (?1, ?2, ?3, ?4)")
      .bind(key.type, key.site, key.target_worker, key.requirements)
      .run();
  const std::int64_t id = sqlite3_last_insert_rowid(db.handle());
  const std::unique_lock lock(mutex_);
  add(id, key);
  return id;
}

std::vector<std::int64_t> Lanes::eligible(const skep_queue_filter& filter) const {
  Names offered;
  for (std::uint32_t i = 0; i < filter.capability_count; ++i)
    offered.insert(text(filter.capabilities[i]));
  Names types;
  for (std::uint32_t i = 0; i < filter.type_count; ++i) types.insert(text(filter.types[i]));
  const Names sites{std::string_view(), text(filter.site)};
  const Names workers{std::string_view(), text(filter.worker_id)};

  std::vector<std::int64_t> out;
  const std::shared_lock lock(mutex_);
  for (const std::string_view type : types)
    for (const std::string_view site : sites)
      for (const std::string_view worker : workers) {
        const auto it = lanes_.find(address(type, site, worker));
        if (it == lanes_.end()) continue;
        for (const Lane& lane : it->second)
          if (has_all(offered, lane.requirements)) out.push_back(lane.id);
      }
  return out;
}

bool Lanes::crowded() const {
  const std::shared_lock lock(mutex_);
  return count_ > crowd_;
}

void Lanes::drop_empty(Connection& db) {
  db.prepare(
        "DELETE FROM lanes WHERE lane_id NOT IN "
        "(SELECT lane_id FROM worker_tasks WHERE state IN (1, 2, 3, 4)) AND NOT EXISTS (SELECT 1"
        " FROM worker_tasks t INDEXED BY tasks_claimable WHERE t.state = 0"
        " AND t.lane_id = lanes.lane_id)")
      .run();
  invalidate();
  refresh(db);
}

}  // namespace skep::sqlite
