// What may be published, who gets it, where the bytes are.
#include "tests/unit/control/registry.hpp"

namespace skep::test {
namespace {

TEST_F(RegistryTest, a_release_reaches_the_workers_of_its_sites) {
  enrol("w1");
  publish("1.0.0", R"(,"sites":["site-b"])");
  EXPECT_EQ(version_for("w1"), "");
  publish("1.1.0", R"(,"sites":["site-a","site-b"])");
  EXPECT_EQ(version_for("w1"), "1.1.0");
  api("POST", "/api/registry/releases/echo/rollback");
  EXPECT_EQ(version_for("w1"), "");
  EXPECT_EQ(get_string(newest(), "state"), "rolled_back");
}

TEST_F(RegistryTest, the_same_again_changes_nothing_and_the_same_version_may_not_change) {
  const auto first = publish("1.0.0");
  const auto again = publish("1.0.0", "", 200);
  EXPECT_TRUE(get_bool(again, "existed"));
  EXPECT_EQ(get_int(again, "release"), get_int(first, "release"));
  EXPECT_EQ(code(publication("1.0.0", "", "other"), 409), "version-exists");
  publish("1.1.0");
  publish("1.0.0");
  EXPECT_EQ(get_string(newest(), "version"), "1.0.0") << "published again, it is the newest";
}

TEST_F(RegistryTest, the_same_bytes_with_another_signature_are_a_new_release) {
  enrol("w1");
  const auto signature = [&] {
    const auto list = api("GET", "/api/workers/w1/releases");
    return get_string(list.at("items").as_array().at(0).as_object(), "signature");
  };
  const auto plain = publish("1.0.0");
  const auto good = publish("1.0.0", R"(,"signature":"by key 1")");
  EXPECT_GT(get_int(good, "release"), get_int(plain, "release"));
  EXPECT_EQ(signature(), "by key 1");
  ::skep::api::Beat old{"w1", "i1"};
  old.releases = {get_int(plain, "revision"),
                  {{::skep::api::ReleaseKind::kScript, "echo", get_string(plain, "sha256"),
                    "failed", "unsigned"}}};
  api("POST", "/api/workers/w1/heartbeat", ::skep::api::encode(old));
  const auto standing = api("GET", "/api/registry/releases/echo").at("workers").as_array();
  EXPECT_EQ(get_string(standing.at(0).as_object(), "state"), "pending");
  EXPECT_TRUE(get_bool(publish("1.0.0", R"(,"signature":"by key 1")", 200), "existed"));
  publish("1.0.0", R"(,"signature":"by key 2")");
  EXPECT_EQ(signature(), "by key 2");
  api("POST", "/api/registry/releases/echo/rollback");
  EXPECT_EQ(signature(), "by key 1");
}

TEST_F(RegistryTest, what_is_refused_leaves_no_bytes_behind) {
  publish("1.0.0");
  const auto blobs = rows("artifact_blobs");
  for (const auto& [body, status] :
       {std::pair{publication("1.0.0", "", "other"), 409},
        {publication("2.0.0", R"(,"canary":1)"), 409},
        {R"({"kind":"plugin","name":"x","version":"1","content":"YQ=="})", 400},
        {R"({"kind":"plugin","name":"echo","version":"1",)"
         R"("content":"f0VMRgIBAAAAAAAAAAAAAAAAPgA="})",
         409}}) {
    api("POST", "/api/registry/releases", body, status);
    EXPECT_EQ(rows("artifact_blobs"), blobs) << body;
  }
}

TEST_F(RegistryTest, members_of_another_type_are_refused_by_name) {
  for (const auto& [member, value] : {std::pair{"hold", R"("yes")"},
                                      {"hold", "1"},
                                      {"sha256", "5"},
                                      {"signature", "[]"},
                                      {"signature", "true"},
                                      {"types", R"("echo")"},
                                      {"schemas", "[]"},
                                      {"schemas", R"({"echo":5})"},
                                      {"force", R"("yes")"},
                                      {"sites", "[1]"},
                                      {"canary", "true"},
                                      {"canary", "1.5"},
                                      {"promote_after_seconds", R"("60")"},
                                      {"promote_after_seconds", "-1"},
                                      {"promote_after_tasks", R"("3")"},
                                      {"promote_after_tasks", "2.5"},
                                      {"promote_after_tasks", "0"},
                                      {"promote_after_tasks", "1e30"}}) {
    const std::string more = std::string(",\"") + member + "\":" + value;
    const auto problem = api("POST", "/api/registry/releases", publication("1.0.0", more), 400);
    EXPECT_NE(get_string(problem, "detail").find(member), std::string::npos)
        << more << ": " << get_string(problem, "detail");
  }
  const auto good = publish("1.0.0", R"(,"hold":null,"sha256":null,"promote_after_seconds":1.5)");
  EXPECT_EQ(good.at("promote_after_seconds").to_number<double>(), 1.5);
  EXPECT_EQ(get_string(api("POST", "/api/registry/releases/echo/rollback", R"({"reason":5})", 400),
                       "code"),
            "invalid");
  EXPECT_EQ(get_string(newest(), "state"), "active");
}

TEST_F(RegistryTest, what_makes_no_sense_is_refused_by_name) {
  EXPECT_EQ(code(publication("1.0.0", R"(,"site":"a")"), 400), "unknown-field");
  EXPECT_EQ(code(publication("1.0.0", R"(,"sha256":")" + std::string(64, 'a') + "\""), 400),
            "hash-mismatch");
  EXPECT_EQ(code(publication("1.0.0", "", std::string("a\0b", 3)), 400), "bad-script");
  for (const auto& [bad, next] :
       {std::pair{publication("1/0"), "choose a version such as 1.0.0"},
        {publication("1.0.0", R"(,"sites":["a b"])"), "skep worker list shows the sites"},
        {publication("1.0.0", R"(,"types":["a b"])"), "leave it out: the file says it"},
        {R"({"kind":"script","name":"../x","version":"1","content":"YQ=="})",
         "choose a name such as disk_check"}}) {
    const auto refused = api("POST", "/api/registry/releases", bad, 400);
    EXPECT_EQ(get_string(refused, "code"), "invalid");
    EXPECT_EQ(get_string(refused, "next"), next);
  }
  EXPECT_EQ(code(publication("1.0.0", R"(,"canary":"0%")"), 400), "invalid");
  EXPECT_EQ(code(publication("1.0.0", R"(,"canary":1)"), 409), "no-canary");
  EXPECT_EQ(code(publication("1.0.0", "", std::string((1 << 20) + 1, 'x')), 400),
            "release-too-large");
  EXPECT_EQ(code(R"({"kind":"script","name":"../x","version":"1","content":"YQ=="})", 400),
            "invalid");
  EXPECT_EQ(code(R"({"kind":"script","name":"x","version":"1","content":"no base64"})", 400),
            "invalid");
  EXPECT_EQ(code(R"({"kind":"plugin","name":"x","version":"1","content":"YQ=="})", 400),
            "wrong-architecture");
  publish("1.0.0");
  EXPECT_EQ(
      code(
          R"({"kind":"plugin","name":"echo","version":"1","content":"f0VMRgIBAAAAAAAAAAAAAAAAPgA="})",
          409),
      "kind-differs");
}

TEST_F(RegistryTest, what_is_declared_is_what_the_file_says) {  // B11
  control::SelfDescription file{"echo", "1.0.0"};
  fleet().inspect_with([&](const control::Publication&) {
    return Result<std::optional<control::SelfDescription>>(std::optional(file));
  });
  publish("1.0.0");
  const auto blobs = rows("artifact_blobs");
  const auto refused = api("POST", "/api/registry/releases", publication("1.1.0"), 400);
  EXPECT_EQ(get_string(refused, "code"), "release-mismatch");
  EXPECT_EQ(get_string(refused, "detail"),
            "publish: declared as echo 1.1.0, but the script itself says echo 1.0.0");
  EXPECT_TRUE(get_string(refused, "next").starts_with("skep script publish FILE"));
  file = {"probe", ""};
  EXPECT_EQ(get_string(api("POST", "/api/registry/releases", publication("1.1.0"), 400), "detail"),
            "publish: declared as echo 1.1.0, but the script itself says probe and no version");
  EXPECT_EQ(rows("artifact_blobs"), blobs);
}

TEST_F(RegistryTest, types_and_schemas_are_those_of_the_file) {
  ::skep::api::Registration r = registration("w1");
  r.types = {{"echo", "", "1.0.0", R"({"type":"object","properties":{"a":{}}})", 0}};
  api("POST", "/api/workers/register", ::skep::api::encode(r));
  const std::string schema = R"({"type":"object","properties":{"b":{"type":"string"}}})";
  fleet().inspect_with([&](const control::Publication& p) {
    return Result<std::optional<control::SelfDescription>>(
        control::SelfDescription{"echo", p.version, {{"echo", schema}}});
  });
  EXPECT_EQ(code(publication("2.0.0"), 409), "schema-change") << "although it declares no schema";
  for (const auto& [declared, why] :
       {std::pair{R"(,"types":["zzz"])",
                  "declared with types zzz, but the script itself says echo"},
        {R"(,"types":["echo","zzz"])",
         "declared with types echo, zzz, but the script itself says echo"},
        {R"(,"schemas":{"zzz":{}})",
         "declared with a schema of zzz, but the script itself says echo"},
        {R"(,"schemas":{"echo":{"type":"object"}})",
         "declared with a schema of echo, but the script itself says another"}}) {
    const auto refused = api("POST", "/api/registry/releases", publication("2.0.0", declared), 400);
    EXPECT_EQ(get_string(refused, "code"), "release-mismatch");
    EXPECT_EQ(get_string(refused, "detail"), std::string("publish: ") + why);
  }
  const auto forced =
      publish("2.0.0", R"(,"force":true,"types":["echo"],"schemas":{"echo":)"
                       R"({"properties":{"b":{"type":"string"}},"type":"object"}})");
  EXPECT_EQ(forced.at("types").as_array(), json::array{"echo"});
  EXPECT_EQ(forced.at("schema_changes").as_array().size(), 1u);
}

TEST_F(RegistryTest, a_file_without_task_types_brings_none_whatever_is_declared) {
  fleet().inspect_with([](const control::Publication& p) {
    return Result<std::optional<control::SelfDescription>>(
        control::SelfDescription{"echo", p.version});
  });
  for (const auto& [declared, why] :
       {std::pair{R"(,"types":["zzz"])",
                  "declared with types zzz, but the script itself says none"},
        {R"(,"schemas":{"zzz":{}})",
         "declared with a schema of zzz, but the script itself says none"}}) {
    const auto refused = api("POST", "/api/registry/releases", publication("1.0.0", declared), 400);
    EXPECT_EQ(get_string(refused, "code"), "release-mismatch");
    EXPECT_EQ(get_string(refused, "detail"), std::string("publish: ") + why);
  }
  EXPECT_EQ(publish("1.0.0").at("types").as_array(), json::array());
  EXPECT_EQ(newest().at("types").as_array(), json::array());
}

TEST_F(RegistryTest, a_name_belongs_to_who_published_it_first) {
  control::SelfDescription file;
  fleet().inspect_with([&](const control::Publication&) {
    return Result<std::optional<control::SelfDescription>>(std::optional(file));
  });
  const auto plugin = [&](const std::string& name, int status) {
    file.name = name;
    file.version = "1.0.0";
    return api("POST", "/api/registry/releases",
               R"({"kind":"plugin","name":")" + name +
                   R"(","version":"1.0.0","content":"f0VMRgIBAAAAAAAAAAAAAAAAPgA="})",
               status);
  };
  file.types = {{"disk", "{}"}};
  file.components = {"carrier"};
  plugin("com.acme.disk", 201);
  const auto clash = plugin("com.other.disk", 409);
  EXPECT_EQ(get_string(clash, "code"), "name-taken");
  EXPECT_EQ(get_string(clash, "detail"),
            "publish: plugin com.other.disk has \"disk\", a name that belongs to plugin "
            "com.acme.disk 1.0.0, which had it first");
  EXPECT_EQ(get_string(clash, "next"),
            "give it another name, or: skep registry withdraw com.acme.disk");
  file.types.clear();
  EXPECT_EQ(get_string(plugin("com.other.disk", 409), "code"), "name-taken") << "no task type";
  file.components.clear();
  EXPECT_EQ(get_string(plugin("carrier", 409), "code"), "name-taken") << "an id";
  plugin("com.other.disk", 201);
  api("DELETE", "/api/registry/releases/com.acme.disk");
  file.types = {{"disk", "{}"}};
  plugin("com.third.disk", 201);
}

TEST_F(RegistryTest, one_script_is_looked_at_at_a_time) {
  net::HttpResponse second;
  net::HttpResponse plugin;
  int looked = 0;
  fleet().inspect_with(
      [&](const control::Publication& p) -> Result<std::optional<control::SelfDescription>> {
        if (++looked > 1) return invalid("no plugin").named("bad-plugin");
        second = call("POST", "/api/registry/releases", publication("1.1.0"));
        plugin = call("POST", "/api/registry/releases",
                      R"({"kind":"plugin","name":"x","version":"1","content":"YQ=="})");
        return control::SelfDescription{p.name, p.version};
      });
  publish("1.0.0");
  EXPECT_EQ(second.status, 503);
  EXPECT_NE(second.body.find(R"("code":"busy")"), std::string::npos) << second.body;
  EXPECT_EQ(second.headers, (decltype(second.headers){{"Retry-After", "1"}}));
  EXPECT_EQ(plugin.status, 400) << "is looked at at once";
  EXPECT_EQ(looked, 2);
  EXPECT_EQ(code(publication("1.1.0"), 400), "bad-plugin") << "the turn is given back";
  EXPECT_EQ(code(publication("1.1.0"), 400), "bad-plugin");
}

TEST_F(RegistryTest, a_file_that_cannot_be_looked_at_here_is_believed_and_a_bad_one_refused) {
  Result<std::optional<control::SelfDescription>> said = std::optional<control::SelfDescription>();
  fleet().inspect_with([&](const control::Publication&) { return said; });
  publish("1.0.0");
  said = invalid("publish: echo.lua:1: no skep.task").named("bad-script");
  EXPECT_EQ(code(publication("1.1.0"), 400), "bad-script");
  EXPECT_EQ(get_string(newest(), "version"), "1.0.0");
}

TEST_F(RegistryTest, a_waiting_claim_ends_when_the_registry_changes_for_its_site) {
  enrol("w1");
  ::skep::api::ClaimRequest request{"i1", 1, 30, {}};
  request.registry = 0;
  const auto response = call("POST", "/api/workers/w1/claim", ::skep::api::encode(request));
  ASSERT_TRUE(response.wait);
  int woken = 0;
  waits().claims.add(response.wait->key, response.wait->ticket, [&] { ++woken; });
  publish("1.0.0", R"(,"sites":["site-b"])");
  EXPECT_EQ(woken, 0);
  const auto release = publish("1.1.0", R"(,"sites":["site-a"])");
  EXPECT_EQ(woken, 1);
  const auto reply = api("POST", "/api/workers/w1/claim", ::skep::api::encode(request));
  EXPECT_EQ(get_int(reply, "registry"), get_int(release, "revision"));
}

TEST_F(RegistryTest, bytes_come_back_whole_in_parts_and_damage_is_found) {
  std::string text(::skep::api::kReleaseChunkBytes + 1, 'x');
  const auto release = api("POST", "/api/registry/releases", publication("1.0.0", "", text), 201);
  const std::string path = "/api/registry/blobs/" + get_string(release, "sha256");
  EXPECT_EQ(call("GET", path).body, text);
  EXPECT_EQ(call("GET", path, "", {{"chunk", "1"}}).body, "x");
  EXPECT_EQ(call("GET", path, "", {{"chunk", "2"}}).status, 404);
  EXPECT_EQ(call("GET", path, "", {{"chunk", "-1"}}).status, 400);
  const ports::Statement damage{"UPDATE artifact_chunks SET data = 'YQ==' WHERE chunk = 1"};
  ASSERT_TRUE(store.batch({&damage, 1}));
  EXPECT_EQ(get_string(api("GET", path, "", 500), "code"), "release-damaged");
  EXPECT_EQ(call("GET", path, "", {{"chunk", "0"}}).status, 200);
  api("POST", "/api/registry/releases", publication("1.0.0", "", text), 200);
  EXPECT_EQ(call("GET", path).body, text) << "published again, it is repaired";
}

TEST_F(RegistryTest, bytes_of_which_no_release_is_left_go_after_a_while) {
  publish("0.0.0");
  for (int i = 1; i <= 10; ++i) publish("0.0." + std::to_string(i));
  EXPECT_EQ(rows("artifact_releases"), 10);
  ASSERT_TRUE(fleet().round());
  EXPECT_EQ(rows("artifact_blobs"), 11) << "a publication under way is never cut off";
  clock.advance(Millis{3'600'001});
  ASSERT_TRUE(fleet().round());
  EXPECT_EQ(rows("artifact_blobs"), 10);
  EXPECT_EQ(rows("artifact_chunks"), 10);
}

TEST_F(RegistryTest, a_clock_that_is_set_takes_no_bytes_early_and_keeps_none_for_ever) {
  constexpr std::int64_t kDay = 86'400'000;
  for (int i = 0; i <= 10; ++i) publish("0.0." + std::to_string(i));
  for (const std::int64_t by :
       {kDay / 24, -kDay / 24, 10 * kDay, -10 * kDay, 400 * kDay, -400 * kDay, -400 * kDay}) {
    ASSERT_TRUE(fleet().round());
    clock.advance(Millis{8 * 60'000});
    clock.set(Millis{by});
    ASSERT_TRUE(fleet().round());
    EXPECT_EQ(rows("artifact_blobs"), 11) << by;
  }
  clock.advance(Millis{3'600'000});
  ASSERT_TRUE(fleet().round());
  EXPECT_EQ(rows("artifact_blobs"), 10);
}

TEST_F(RegistryTest, bytes_that_are_put_again_have_their_time_again) {
  control::ReleaseStore bytes(store);
  const auto put = [&] { return bytes.put(std::string(64, 'a'), "a", clock.wall_ms()); };
  ASSERT_TRUE(put());
  ASSERT_TRUE(fleet().round());
  clock.advance(Millis{3'600'000});
  clock.set(-Millis{3'600'000});
  ASSERT_TRUE(put());
  ASSERT_TRUE(fleet().round());
  EXPECT_EQ(rows("artifact_blobs"), 1);
  clock.advance(Millis{3'600'000});
  ASSERT_TRUE(fleet().round());
  EXPECT_EQ(rows("artifact_blobs"), 0);
}

TEST_F(RegistryTest, withdrawn_is_gone_from_every_worker) {
  enrol("w1");
  publish("1.0.0");
  publish("1.1.0");
  api("DELETE", "/api/registry/releases/echo");
  EXPECT_EQ(version_for("w1"), "");
  EXPECT_EQ(get_string(api("DELETE", "/api/registry/releases/echo", "", 409), "code"),
            "already-withdrawn");
  EXPECT_EQ(get_string(api("GET", "/api/registry/releases/ecko", "", 404), "code"),
            "unknown-release");
}

// A1: what takes less than what is in force is not published by accident.
TEST_F(RegistryTest, a_schema_that_takes_less_is_refused_and_can_be_forced) {
  ::skep::api::Registration r = registration("w1");
  r.types = {{"echo", "", "1.0.0",
              R"({"type":"object","properties":{"a":{"enum":["x","y"]},"b":{}}})", 0}};
  api("POST", "/api/workers/register", ::skep::api::encode(r));
  const std::string narrow =
      R"(,"schemas":{"echo":{"type":"object","properties":{"a":{"enum":["x"]},"c":{}},)"
      R"("required":["c"]}})";
  const auto refused = api("POST", "/api/registry/releases", publication("2.0.0", narrow), 409);
  EXPECT_EQ(get_string(refused, "code"), "schema-change");
  EXPECT_EQ(get_string(refused, "detail"),
            "echo 2.0.0 does not take what workers take now: "
            R"(echo 1.0.0 -> 2.0.0: /a no longer takes "y"; )"
            "echo 1.0.0 -> 2.0.0: /b was removed; echo 1.0.0 -> 2.0.0: /c is required now");
  EXPECT_NE(get_string(refused, "next").find("--force"), std::string::npos);
  EXPECT_EQ(rows("artifact_blobs"), 0) << "what is refused leaves no bytes";
  const auto elsewhere = publish("2.0.0", narrow + R"(,"sites":["site-b"])");
  EXPECT_TRUE(elsewhere.at("schema_changes").as_array().empty());
  const auto forced = publish("3.0.0", narrow + R"(,"force":true)");
  EXPECT_EQ(forced.at("schema_changes").as_array().size(), 3u);
  const auto wider = publish("4.0.0", R"(,"schemas":{"echo":{},"another":{"type":"object"}})");
  EXPECT_TRUE(wider.at("schema_changes").as_array().empty());
  EXPECT_EQ(code(publication("5.0.0", R"(,"schemas":{"echo":{"type":"nonsense"}})"), 400),
            "schema");
}

}  // namespace
}  // namespace skep::test
