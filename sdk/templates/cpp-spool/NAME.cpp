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
  void start(skep::Call&) override {}  // open path_
  void stop(skep::Call&) override {}

  void reserve(skep::Call&, std::uint64_t) override { not_written("reserve"); }
  void unreserve(skep::Call&, std::uint64_t) noexcept override {}
  void put(skep::Call&, skep::Array<skep_spool_item>, const skep_spool_items&) override {
    not_written("put");
  }
  void ack(skep::Call&, std::span<const skep_view>) override { not_written("ack"); }
  void defer(skep::Call&, std::span<const skep_view>) override { not_written("defer"); }
  void reject(skep::Call&, std::string_view, std::string_view) override { not_written("reject"); }
  void next(skep::Call&, std::uint32_t, const skep_spool_items&) override { not_written("next"); }
  skep_spool_stats stats(skep::Call&) override { not_written("stats"); }
  void verify(skep::Call&, const skep_spool_items&) override { not_written("verify"); }

 private:
  std::string path_;
};

}  // namespace

SKEP_PLUGIN(skep::component<@CLASS@>("@NAME@"))
