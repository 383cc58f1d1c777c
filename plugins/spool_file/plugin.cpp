#include "file_spool.hpp"
#include "skep/json.hpp"

namespace {

spool::Config config_from(std::string_view text) {
  const skep::Json json = skep::Json::parse(text);
  spool::Config config;
  config.dir = json["dir"].str("./offline");
  config.limits.max_bytes = json["max_bytes"].integer(config.limits.max_bytes);
  config.limits.max_items = json["max_items"].integer(config.limits.max_items);
  config.limits.keep_free_bytes = json["keep_free_bytes"].integer(config.limits.keep_free_bytes);
  return config;
}

void yield(const skep_spool_items& to, std::uint32_t index, std::string_view name,
           std::string_view type, std::string_view task, std::string_view body) {
  const skep_spool_item item{sizeof(skep_spool_item), 0,
                             skep::view(name),        skep::view(type),
                             skep::view(task),        skep::view(body)};
  if (const skep_rc rc = to.item(to.ctx, index, &item); rc < 0)
    throw skep::Fault(rc, "the host refused an item");
}

class FileSpoolComponent final : public skep::Spool {
 public:
  explicit FileSpoolComponent(std::string_view config) : spool_(config_from(config)) {}

  void start(skep::Call& /*call*/) override { spool_.start(); }
  void stop(skep::Call& /*call*/) override { spool_.stop(); }
  void reserve(skep::Call& call, std::uint64_t bytes) override { spool_.reserve(call, bytes); }
  void unreserve(skep::Call& /*call*/, std::uint64_t bytes) noexcept override {
    spool_.unreserve(bytes);
  }
  void put(skep::Call& call, skep::Array<skep_spool_item> items,
           const skep_spool_items& names) override {
    std::uint32_t index = 0;
    for (const std::string& name : spool_.put(call, items)) yield(names, index++, name, {}, {}, {});
  }
  void ack(skep::Call& call, std::span<const skep_view> names) override { spool_.ack(call, names); }
  void defer(skep::Call& call, std::span<const skep_view> names) override {
    spool_.defer(call, names);
  }
  void reject(skep::Call& call, std::string_view name, std::string_view reason) override {
    spool_.reject(call, std::string(name), reason);
  }
  void next(skep::Call& call, std::uint32_t max, const skep_spool_items& items) override {
    std::uint32_t index = 0;
    for (const spool::Item& item : spool_.next(call, max))
      yield(items, index++, item.name, item.payload_type, item.task_id, item.body);
  }
  skep_spool_stats stats(skep::Call& /*call*/) override { return spool_.stats(); }
  void verify(skep::Call& call, const skep_spool_items& problems) override {
    std::uint32_t index = 0;
    for (const spool::Problem& p : spool_.verify(call))
      yield(problems, index++, p.name, {}, {}, p.reason);
  }

 private:
  spool::FileSpool spool_;
};

}  // namespace

SKEP_PLUGIN(skep::component<FileSpoolComponent>("file"))
