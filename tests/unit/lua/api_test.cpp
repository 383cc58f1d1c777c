// Every member of ctx against the real services of a node.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <future>

#include "core/base/json.hpp"
#include "core/net/http.hpp"
#include "tests/support/script_rig.hpp"

namespace skep::test {
namespace {

class Api : public ::testing::Test {
 protected:
  /// The result document, or the error.
  std::string result(const std::string& body, const std::string& params = "{}") {
    const auto ran = rig_.body(body, params);
    return ran.outcome.kind == model::OutcomeKind::kSucceeded ? ran.outcome.result
                                                              : ran.outcome.error;
  }
  ScriptRig rig_;
};

TEST_F(Api, says_where_and_what_it_runs) {
  EXPECT_EQ(result("return { ctx.task_id, ctx.type, ctx.attempt, ctx.site, ctx.worker_id }"),
            R"(["task-1","t",2,"site-a","worker-1"])");
  EXPECT_EQ(result("local r = ctx.remaining() return r > 0 and r <= 120 and ctx.now() > 0"),
            "true");
}

TEST_F(Api, keeps_numbers_null_and_empty_lists_through_json) {
  EXPECT_EQ(result("return params", R"({"i":9007199254740993,"f":0.5,"n":null,"l":[],"o":{}})"),
            R"({"f":0.5,"i":9007199254740993,"l":[],"n":null,"o":{}})");
  EXPECT_EQ(result("return params", R"({"a":1.0,"b":1,"c":-0.0,"d":1e300,"e":2e3})"),
            R"({"a":1.0,"b":1,"c":-0.0,"d":1e+300,"e":2000.0})");  // F18
  EXPECT_EQ(result("return { skep.null, skep.array(), {}, 3 // 1, json.decode('[1]') }"),
            "[null,[],{},3,[1]]");
  EXPECT_EQ(result("return { json.decode('{') == nil, (select(2, json.decode('{'))) }"),
            R"([true,"JSON: expected a member name at byte 1"])");
}

TEST_F(Api, writes_output_log_and_progress) {
  const auto ran = rig_.body(
      "print('a', 1, nil) ctx.log('plain') ctx.log.warn('low', { mount = '/', level = 'x' })\n"
      "ctx.progress(0.5, 'half') ctx.progress(750) ctx.progress(1)");
  EXPECT_EQ(ran.out, "a\t1\tnil\n");
  EXPECT_EQ(ran.logs, (std::vector<std::string>{R"({"level":"info","event":"plain"})",
                                                R"({"level":"warn","event":"low","mount":"/"})"}));
  EXPECT_EQ(ran.progress, (std::vector<std::string>{"500 half", "750 ", "1000 "}));
  EXPECT_EQ(ran.outcome.result, "null");
}

TEST_F(Api, a_line_past_the_limit_is_not_written) {
  ScriptRig rig(R"({"output_kb": 1})");
  const auto ran = rig.body("print('a') print(('b'):rep(2000)) print('c')");
  EXPECT_EQ(ran.out, "a\n");
  EXPECT_NE(ran.outcome.error.find("wrote more than 1024 bytes"), std::string::npos)
      << ran.outcome.error;
}

TEST_F(Api, fails_as_the_script_says) {
  auto ran = rig_.body("ctx.fail{ code = 'unavailable', message = 'later', retry_after = 1.5 }");
  EXPECT_EQ(ran.outcome.error, R"({"code":"unavailable","message":"later"})");
  EXPECT_TRUE(ran.outcome.retryable);
  EXPECT_EQ(ran.outcome.retry_after_ms, 1500);
  EXPECT_EQ(rig_.body("ctx.fail('broken')").outcome.error,
            R"({"code":"failed","message":"broken"})");
  EXPECT_EQ(rig_.body("return nil, 'no'").outcome.error, R"({"code":"failed","message":"no"})");
  EXPECT_NE(rig_.body("ctx.fail{ code = 'unavailabel', message = 'x' }")
                .outcome.error.find("did you mean \\\"unavailable\\\"?"),
            std::string::npos);
}

TEST_F(Api, names_the_line_of_a_mistake_and_shows_the_traceback) {
  const auto ran = rig_.body("\nlocal x = nil\nreturn x.y");
  EXPECT_EQ(
      ran.outcome.error,
      R"x({"code":"internal","message":"t.lua:6: attempt to index a nil value (local 'x')"})x");
  EXPECT_NE(ran.err.find("stack traceback:"), std::string::npos) << ran.err;
}

TEST_F(Api, refuses_what_was_not_declared_with_permission_and_line) {
  const auto ran = rig_.run(script_with("return ctx.exec{ 'true' }"));
  EXPECT_EQ(ran.outcome.error,
            R"({"code":"internal","message":"t.lua:4: ctx.exec needs the permission \"exec\"; )"
            R"(add permissions = { \"exec\" } to skep.task"})");
}

TEST_F(Api, names_the_nearest_member) {
  EXPECT_NE(result("ctx.exce{}").find("there is no ctx.exce; did you mean \\\"ctx.exec\\\"?"),
            std::string::npos);
}

TEST_F(Api, runs_programs) {
  EXPECT_EQ(
      result("local r = ctx.exec{ 'sh', '-c', 'cat; echo $X >&2; exit 3', stdin = 'in', env = "
             "{ X = 'y' } } return { r.exit_code, r.stdout, r.stderr, r.timed_out }"),
      R"([3,"in","y\n",false])");
  EXPECT_EQ(result("return ctx.exec{ 'echo', 5 }.stdout"), "\"5\\n\"");
  for (const char* word : {"true", "{}", "print"})
    EXPECT_NE(result("ctx.exec{ 'echo', " + std::string(word) + " }").find("word 2 is a "),
              std::string::npos)
        << word;
  EXPECT_EQ(result("return ctx.exec{ 'sleep', '30', timeout = 0.0004 }.timed_out"), "true");
  EXPECT_EQ(result("local r = ctx.exec{ 'sleep', '30', timeout = 0.05 } return { r.timed_out, "
                   "r.exit_code == nil }"),
            "[true,true]");
  EXPECT_EQ(
      result("local r = ctx.exec{ '/no/such/program' } return { r.exit_code == nil, r.error ~= "
             "nil }"),
      "[true,true]");
}

TEST_F(Api, speaks_http) {
  net::ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  net::HttpServer server(
      std::move(options),
      net::Router({{"GET", "/hello", net::Right::kNone, 0, "",
                    [](const net::HttpRequest& r) {
                      return net::HttpResponse::json("\"" + std::string(r.header("x-a")) + "\"");
                    }},
                   {"POST", "/echo", net::Right::kNone, 4096, "", [](const net::HttpRequest& r) {
                      return net::HttpResponse::json(r.body, 201);
                    }}}));
  ASSERT_TRUE(server.start());
  const std::string params = "{\"url\":\"" + server.urls().front() + "\"}";
  EXPECT_EQ(
      result("local r = ctx.http.get(params.url .. '/hello', { headers = { ['X-A'] = 'b' } }) "
             "return { r.status, r.body, r.error == nil }",
             params),
      R"([200,"\"b\"",true])");
  EXPECT_EQ(result("local r = ctx.http.post(params.url .. '/echo', { a = 1 }) return { r.status, "
                   "r.body }",
                   params),
            R"([201,"{\"a\":1}"])");
  // The server takes JSON only and names the type of anything else.
  const std::string types = result(
      "local function typed(body, options) local r = ctx.http.post(params.url .. '/echo', body, "
      "options) return r.status == 201 and 'json' or json.decode(r.body).detail:match('\"(.-)\"') "
      "end local own = { headers = { ['content-type'] = 'a/b' } } return { typed('x'), typed({}), "
      "typed('x', own), typed({}, own), typed('x', { headers = { ['Content-Type'] = '' } }) }",
      params);
  EXPECT_EQ(types, R"(["text/plain; charset=utf-8","json","a/b","a/b",""])");
  server.stop();
  EXPECT_EQ(
      result("local r = ctx.http.get(params.url) return { r.status, r.error ~= nil }", params),
      "[0,true]");
}

TEST(ApiInAChild, ends_a_request_with_its_task) {
  ScriptRig rig(R"({"limits":{"cancel_grace_ms":60000}})", "process");
  std::promise<void> release;
  net::ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  net::HttpServer server(
      std::move(options),
      net::Router({{"GET", "/slow", net::Right::kNone, 0, "", [&](const net::HttpRequest&) {
                      rig.cancel();
                      release.get_future().wait();
                      return net::HttpResponse::json("{}");
                    }}}));
  ASSERT_TRUE(server.start());
  const auto ran = rig.body("return ctx.http.get('" + server.urls().front() + "/slow').status");
  release.set_value();
  EXPECT_EQ(ran.outcome.kind, model::OutcomeKind::kCancelled);
  EXPECT_EQ(ran.outcome.error.find("killed"), std::string::npos) << ran.outcome.error;
}

TEST_F(Api, keeps_values_beyond_the_task) {
  EXPECT_EQ(result("ctx.kv.set('a', { n = 1 }) ctx.kv.set('b', 'x') return ctx.kv.keys()"),
            R"(["a","b"])");
  EXPECT_EQ(result("return { ctx.kv.get('a').n, ctx.kv.get('none') == nil }"), "[1,true]");
  EXPECT_EQ(result("ctx.kv.delete('a') ctx.kv.set('b', nil) return ctx.kv.keys()"), "[]");
  EXPECT_NE(result("ctx.kv.set('a/b', 1)").find("t.lua:4"), std::string::npos);
}

TEST_F(Api, runs_other_tasks) {
  ASSERT_TRUE(rig_.start_plugins());
  EXPECT_EQ(result("return #ctx.facts('os').hostname > 0 and ctx.facts().os ~= nil"), "true");
  EXPECT_EQ(
      result("local r, e = ctx.task('execute_script', { script = 'exit 4' }) return { r == nil, "
             "e.code, tostring(e) == e.message }"),
      R"([true,"failed",true])");
  EXPECT_EQ(result("local r, e = ctx.task('nope') return { r == nil, e.code }"),
            R"([true,"not-found"])");
  EXPECT_EQ(result("return ctx.task('execute_script', { script = 'echo hi' }).stdout"),
            R"("hi\n")");
}

}  // namespace
}  // namespace skep::test
