// What each function promises is in skep/kind/queue.h.
#include <skep/json.hpp>
#include <skep/queue.hpp>

namespace {

[[noreturn]] void not_written(const char* function) {
  throw skep::Fault(SKEP_E_UNSUPPORTED, std::string(function) + "() is not written yet");
}

class @CLASS@ final : public skep::Queue {
 public:
  explicit @CLASS@(std::string_view config) : path_(skep::Json::parse(config)["path"].str()) {}
  void start(skep::Call&) override {}  // open path_
  void stop(skep::Call&) override {}

  void enqueue(skep::Call&, std::int64_t, skep::Array<skep_queue_task>, const Verdicts&) override {
    not_written("enqueue");
  }
  void claim(skep::Call&, std::int64_t, const skep_queue_filter&, const skep_queue_rows&) override {
    not_written("claim");
  }
  void renew(skep::Call&, std::int64_t, skep::Array<skep_queue_lease>, std::int64_t,
             const Verdicts&) override {
    not_written("renew");
  }
  void complete(skep::Call&, std::int64_t, skep::Array<skep_queue_result>, const Verdicts&) override {
    not_written("complete");
  }
  void release(skep::Call&, std::int64_t, skep::Array<skep_queue_lease>, const Verdicts&) override {
    not_written("release");
  }
  std::int64_t tick(skep::Call&, std::int64_t, std::int64_t) override { not_written("tick"); }
  void overdue(skep::Call&, std::int64_t, std::string_view, std::string_view, const skep_queue_rows&) override {
    not_written("overdue");
  }
  void lose(skep::Call&, std::int64_t, std::int64_t, skep::Array<skep_queue_loss>,
            const Verdicts&) override {
    not_written("lose");
  }
  void cancel(skep::Call&, std::int64_t, std::string_view, std::string_view, const Verdicts&) override {
    not_written("cancel");
  }
  void requeue(skep::Call&, std::int64_t, const skep_queue_requeue&, const Verdicts&) override { not_written("requeue"); }
  void read(skep::Call&, const skep_queue_query&, const skep_queue_rows&) override { not_written("read"); }
  void attempts(skep::Call&, std::string_view, const skep_queue_attempts&) override { not_written("attempts"); }
  void completions(skep::Call&, std::int64_t, std::uint32_t, const skep_queue_completions&) override {
    not_written("completions");
  }
  void stats(skep::Call&, const skep_queue_counts&) override { not_written("stats"); }
  void wait(skep::Call&, std::int64_t, std::uint64_t&) override { not_written("wait"); }
  std::uint32_t purge(skep::Call&, std::int64_t, std::int64_t, std::uint32_t) override { not_written("purge"); }

 private:
  std::string path_;
};

}  // namespace

SKEP_PLUGIN(skep::component<@CLASS@>("@NAME@"))
