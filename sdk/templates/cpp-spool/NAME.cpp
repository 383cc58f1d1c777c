// What each function promises is in skep/kind/spool.h.
#include <skep/json.hpp>
#include <skep/spool.hpp>

namespace {

[[noreturn]] void not_written(const char* function) {
  throw skep::Fault(SKEP_E_UNSUPPORTED, std::string(function) + "() is not written yet");
}

class @CLASS@ final : public skep::Spool {
 public:
  explicit @CLASS@(std::string_view config) : path_(skep::Json::parse(config)["path"].str()) {}
  void start() override {}  // open path_
  void stop() override {}

  void reserve(std::uint64_t) override { not_written("reserve"); }
  void unreserve(std::uint64_t) noexcept override {}
  void put(std::span<const skep_spool_item>, const skep_spool_items&) override {
    not_written("put");
  }
  void ack(std::span<const skep_view>) override { not_written("ack"); }
  void defer(std::span<const skep_view>) override { not_written("defer"); }
  void reject(std::string_view, std::string_view) override { not_written("reject"); }
  void next(std::uint32_t, const skep_spool_items&) override { not_written("next"); }
  void stats(skep_spool_stats&) override { not_written("stats"); }
  void verify(const skep_spool_items&) override { not_written("verify"); }

 private:
  std::string path_;
};

}  // namespace

SKEP_PLUGIN(skep::component<@CLASS@>("@NAME@"))
