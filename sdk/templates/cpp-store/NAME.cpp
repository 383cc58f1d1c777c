// What each function promises is in skep/kind/store.h.
#include <skep/json.hpp>
#include <skep/store.hpp>

namespace {

[[noreturn]] void not_written(const char* function) {
  throw skep::Fault(SKEP_E_UNSUPPORTED, std::string(function) + "() is not written yet");
}

class @CLASS@ final : public skep::Store {
 public:
  explicit @CLASS@(std::string_view config) : path_(skep::Json::parse(config)["path"].str()) {}
  void start(skep::Call&) override {}  // open path_
  void stop(skep::Call&) override {}

  void batch(skep::Call&, skep::Array<skep_statement>, const skep_store_rows&) override {
    not_written("batch");
  }
  void query(skep::Call&, const skep_statement&, const skep_store_rows&) override { not_written("query"); }
  void migrate(skep::Call&, std::string_view, std::span<const skep_view>) override { not_written("migrate"); }

 private:
  std::string path_;
};

}  // namespace

SKEP_PLUGIN(skep::component<@CLASS@>("@NAME@"))
