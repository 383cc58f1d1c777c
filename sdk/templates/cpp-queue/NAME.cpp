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
  void start() override {}  // open path_
  void stop() override {}

  void enqueue(std::int64_t, std::span<const skep_queue_task>, const Verdicts&) override {
    not_written("enqueue");
  }
  void claim(std::int64_t, const skep_queue_filter&, const skep_queue_rows&) override {
    not_written("claim");
  }
  void renew(std::int64_t, std::span<const skep_queue_lease>, std::int64_t,
             const Verdicts&) override {
    not_written("renew");
  }
  void complete(std::int64_t, std::span<const skep_queue_result>, const Verdicts&) override {
    not_written("complete");
  }
  void release(std::int64_t, std::span<const skep_queue_lease>, const Verdicts&) override {
    not_written("release");
  }
  std::int64_t tick(std::int64_t) override { not_written("tick"); }
  void overdue(std::int64_t, std::string_view, std::string_view, const skep_queue_rows&) override {
    not_written("overdue");
  }
  void lose(std::int64_t, std::int64_t, std::span<const skep_queue_loss>,
            const Verdicts&) override {
    not_written("lose");
  }
  void cancel(std::int64_t, std::string_view, std::string_view, const Verdicts&) override {
    not_written("cancel");
  }
  void requeue(std::int64_t, std::string_view, const Verdicts&) override { not_written("requeue"); }
  void read(const skep_queue_query&, const skep_queue_rows&) override { not_written("read"); }
  void attempts(std::string_view, const skep_queue_attempts&) override { not_written("attempts"); }
  void completions(std::int64_t, std::uint32_t, const skep_queue_completions&) override {
    not_written("completions");
  }
  void stats(const skep_queue_counts&) override { not_written("stats"); }
  void wait(std::int64_t, std::uint64_t&) override { not_written("wait"); }
  std::uint32_t purge(std::int64_t, std::int64_t, std::uint32_t) override { not_written("purge"); }

 private:
  std::string path_;
};

}  // namespace

SKEP_PLUGIN(skep::component<@CLASS@>("@NAME@"))
