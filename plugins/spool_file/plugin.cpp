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

  void start() override { spool_.start(); }
  void stop() override { spool_.stop(); }
  void reserve(std::uint64_t bytes) override { spool_.reserve(bytes); }
  void unreserve(std::uint64_t bytes) noexcept override { spool_.unreserve(bytes); }
  void put(std::span<const skep_spool_item> items, const skep_spool_items& names) override {
    std::uint32_t index = 0;
    for (const std::string& name : spool_.put(items)) yield(names, index++, name, {}, {}, {});
  }
  void ack(std::span<const skep_view> names) override { spool_.ack(names); }
  void defer(std::span<const skep_view> names) override { spool_.defer(names); }
  void reject(std::string_view name, std::string_view reason) override {
    spool_.reject(std::string(name), reason);
  }
  void next(std::uint32_t max, const skep_spool_items& items) override {
    std::uint32_t index = 0;
    for (const spool::Item& item : spool_.next(max))
      yield(items, index++, item.name, item.payload_type, item.task_id, item.body);
  }
  void stats(skep_spool_stats& out) override {
    const std::uint32_t size = out.size;
    out = spool_.stats();
    out.size = size;
  }
  void verify(const skep_spool_items& problems) override {
    std::uint32_t index = 0;
    for (const spool::Problem& p : spool_.verify())
      yield(problems, index++, p.name, {}, {}, p.reason);
  }

 private:
  spool::FileSpool spool_;
};

}  // namespace

SKEP_PLUGIN(skep::component<FileSpoolComponent>("file"))
