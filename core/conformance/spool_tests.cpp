// Tier contract, kind spool: what skep/kind/spool.h promises of each item, through the host's own
// adapter. The folder may hold items of others.
#include <algorithm>
#include <vector>

#include "core/base/id.hpp"
#include "core/conformance/port_under_test.hpp"
#include "core/plugin/adapters/spool.hpp"

namespace skep::conformance {
namespace {

constexpr std::uint32_t kMost = 1000;

using Names = std::vector<std::string>;

class SpoolUnderTest {
 public:
  explicit SpoolUnderTest(const Subject& s) : spool_(s) {}
  void restart() { spool_.restart(); }
  void end() { spool_.end(); }

  Names put(std::size_t items) {
    std::vector<ports::SpoolItem> all;
    for (std::size_t i = 0; i < items; ++i)
      all.push_back({{}, "execution_result", "kit-" + random_hex(4), body_of(i)});
    step("put()");
    Names names = said(spool_->put(all), "put()");
    expect(names.size() == items, "put() did not name each of its items");
    return names;
  }
  static std::string body_of(std::size_t i) {
    return R"({"line":"first\nsecond","n":)" + std::to_string(i) + "}";
  }
  void ack(const Names& names) {
    step("ack()");
    said(spool_->ack(names), "ack()");
  }
  void defer(const Names& names) {
    step("defer()");
    said(spool_->defer(names), "defer()");
  }
  void reject(const std::string& name) {
    step("reject()");
    said(spool_->reject(name, "the kit does not want it"), "reject()");
  }
  /// The body that next() yields under the name; "" = none.
  std::string ready(const std::string& name) {
    step("next()");
    const auto items = said(spool_->next(kMost), "next()");
    const auto at = std::find_if(items.begin(), items.end(),
                                 [&](const auto& item) { return item.name == name; });
    return at == items.end() ? "" : at->body;
  }
  ports::SpoolStats stats() {
    step("stats()");
    return said(spool_->stats(), "stats()");
  }

 private:
  PortUnderTest<plugin::SpoolAdapter> spool_;
};

}  // namespace

void contract_spool_settle(Subject& s) {
  SpoolUnderTest spool(s);
  const Names names = spool.put(2);
  expect(names[0] != names[1], "two items have the same name");
  expect(spool.ready(names[0]).empty(), "next() yields an item that is in flight");
  spool.defer({names[1]});
  expect(spool.ready(names[1]) == SpoolUnderTest::body_of(1),
         "a deferred item does not come back as it was");
  expect(!spool.ready(names[1]).empty(), "a ready item is gone before it was acknowledged");
  spool.ack(names);
  expect(spool.ready(names[1]).empty(), "an item that was acknowledged comes back");
  spool.ack(names);
  spool.end();
}

void contract_spool_reject(Subject& s) {
  SpoolUnderTest spool(s);
  const auto before = spool.stats().rejected;
  const Names names = spool.put(1);
  spool.defer(names);
  spool.reject(names[0]);
  expect(spool.ready(names[0]).empty(), "an item that was refused for good comes back");
  expect(spool.stats().rejected == before + 1, "stats() does not count a rejected item");
  spool.end();
}

void contract_spool_durable(Subject& s) {
  SpoolUnderTest spool(s);
  const Names names = spool.put(2);
  spool.ack({names[0]});
  spool.restart();
  expect(spool.ready(names[1]) == SpoolUnderTest::body_of(1),
         "after stop and start an item that was never settled is gone");
  expect(spool.ready(names[0]).empty(), "after stop and start an acknowledged item is back");
  spool.ack(names);
  spool.end();
}

}  // namespace skep::conformance
