// Who gets in: one refusal a test, each with its row of the table.
#include "core/trust/gate.hpp"
#include "tests/unit/trust/support.hpp"

namespace skep::trust {
namespace {

using JudgeTest = TrustTest;

TEST_F(JudgeTest, admits_what_is_pinned_and_signed) {
  EXPECT_EQ(outcome(), "admitted");
  require(false, true);
  EXPECT_EQ(outcome(), "admitted");
  lock(pin());
  for (const bool signature : {false, true}) {
    require(true, signature);
    EXPECT_EQ(outcome(), "admitted");
  }
}

TEST_F(JudgeTest, a_tampered_file_is_refused_with_the_table) {
  lock(pin());
  write_text(file, "the bytes of a plugim");
  require(true, true);
  expect_refused(outcome(), {"com.acme.disk 1.2.0", "refused by policy \"both\": sha256, signature",
                             "field", "expected", "other bytes than those pinned",
                             "not a signature of this file", "next: if this file is the one"});
}

TEST_F(JudgeTest, of_a_signature_alone_no_policy_is_named) {
  const Candidate a = candidate();
  const std::string good = judge_signature(settings, a).table(a, settings);
  EXPECT_NE(good.find(") has a good signature; nothing else was checked\n"), std::string::npos)
      << good;
  fs::remove(file + ".minisig");
  const std::string bad = judge_signature(settings, a).table(a, settings);
  EXPECT_NE(bad.find(") has no good signature: signature\n"), std::string::npos) << bad;
  EXPECT_EQ((good + bad).find("policy"), std::string::npos);
}

TEST_F(JudgeTest, an_unsigned_file_is_refused) {
  fs::remove(file + ".minisig");
  require(false, true);
  expect_refused(outcome(), {"missing", "unsigned", "skep plugin sign"});
}

TEST_F(JudgeTest, a_signature_by_an_unknown_key_is_refused) {
  const auto stranger = SecretKey::generate();
  sign_file(stranger, file, comment_of("com.acme.disk", "1.2.0", "skep/1"));
  require(false, true);
  expect_refused(outcome(), {"unknown key", key_text(stranger.public_key().id).c_str(),
                             key_text(acme.public_key().id).c_str()});
}

TEST_F(JudgeTest, another_key_of_the_same_id_is_refused) {
  PublicKey forged = acme.public_key();
  forged.point = other.public_key().point;
  use({{"com.acme.", {forged.line()}}});
  require(false, true);
  expect_refused(outcome(), {"not a signature of this file"});
}

TEST_F(JudgeTest, a_key_signs_for_its_ids_alone) {
  require(false, true);
  for (const char* id : {"com.other.disk", "sqlite", "com.acmeevil.disk", "com.acme"}) {
    sign_file(acme, file, comment_of(id, "1.2.0", "skep/1"));
    expect_refused(outcome(candidate(id)), {"trusted for com.acme. alone"});
  }
  sign_file(other, file, comment_of("com.acme.disk", "1.2.0", "skep/1"));
  expect_refused(outcome(), {"trusted for * alone"});
  sign_file(other, file, comment_of("sqlite", "1.2.0", "skep/1"));
  EXPECT_EQ(outcome(candidate("sqlite")), "admitted");
}

TEST_F(JudgeTest, a_signature_of_another_file_is_refused) {
  const std::string second = dir.file("second.so");
  write_text(second, "other bytes");
  sign_file(acme, second, comment_of("com.acme.disk", "1.2.0", "skep/1"));
  fs::copy_file(second + ".minisig", file + ".minisig", fs::copy_options::overwrite_existing);
  require(false, true);
  expect_refused(outcome(), {"not a signature of this file"});
}

TEST_F(JudgeTest, a_signature_for_another_version_or_abi_is_refused) {
  require(false, true);
  for (const auto& comment :
       {comment_of("com.acme.disk", "1.3.0", "skep/1"), comment_of("com.acme.disk", "1.2.0", "lua"),
        comment_of("com.acme.disk", "1.2.0", "skep/1") + " ",
        std::string("timestamp:1 file:disk.so"), std::string("\x1b[2J")}) {
    sign_file(acme, file, comment);
    const std::string text = outcome();
    expect_refused(text, {"signed as something else", "id=com.acme.disk version=1.2.0 abi=skep/1"});
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
  }
}

TEST_F(JudgeTest, an_older_version_is_refused_though_signed_or_pinned) {
  Pin newer = pin();
  newer.min_version = "1.10.0";
  lock(newer);
  for (const bool pinned : {false, true}) {
    require(pinned, true);
    expect_refused(outcome(), {"min_version  1.10.0", "older than ever allowed"});
  }
  require(false, true);
  EXPECT_NE(outcome().find("--allow-rollback"), std::string::npos);
}

TEST_F(JudgeTest, a_lock_with_an_older_version_is_refused) {
  Pin older = pin();
  older.version = "1.1.0";
  older.sha256 = std::string(64, 'a');
  lock(older);
  require(true, false);
  expect_refused(outcome(), {"version", "1.1.0", "another version", "aaaaaaaaaaaaaaaa"});
}

TEST_F(JudgeTest, a_signer_other_than_the_pinned_one_is_refused) {
  use({{"com.acme.", {acme.public_key().line(), other.public_key().line()}}});
  sign_file(other, file, comment_of("com.acme.disk", "1.2.0", "skep/1"));
  lock(pin());
  require(true, true);
  expect_refused(outcome(), {"not the key that is pinned"});
  require(false, true);
  EXPECT_EQ(outcome(), "admitted") << "without pins every key of the scope counts";
}

TEST_F(JudgeTest, before_its_id_is_known_the_bytes_have_to_be_trusted_under_any) {
  const auto unknown = [&] {
    Candidate a = candidate();
    a.id.clear();
    a.version.clear();
    return outcome(a);
  };
  EXPECT_EQ(unknown(), "admitted") << "no policy";
  require(true, false);
  lock(pin());
  EXPECT_EQ(unknown(), "admitted");
  require(false, true);
  EXPECT_EQ(unknown(), "admitted");
  sign_file(SecretKey::generate(), file, comment_of("com.acme.disk", "1.2.0", "skep/1"));
  expect_refused(unknown(), {"unknown key"});
  require(true, false);
  write_text(file, "other bytes");
  expect_refused(unknown(), {"sha256", "not in the lock", "skep plugin lock"});
  Candidate script = candidate();
  script.abi = "lua";
  script.id = "late";
  expect_refused(outcome(script),
                 {("skep plugin lock " + file + " --id late --version 1.2.0 -c CONFIG").c_str()});
}

TEST_F(JudgeTest, an_unusable_signature_file_is_refused) {
  require(false, true);
  const std::string path = file + ".minisig";
  const std::string text = read_file(path).value();
  write_text(path, text.substr(0, text.size() / 2));
  expect_refused(outcome(), {"unusable", "not a minisign signature"});
  write_text(path, text + std::string(20'000, '\n'));
  expect_refused(outcome(), {"unusable", "larger than"});
  fs::rename(path, dir.file("real"));
  write_text(dir.file("real"), text);
  fs::create_symlink(dir.file("real"), path);
  expect_refused(outcome(), {"unusable", "is a symbolic link"});
  fs::remove(path);
  fs::create_directory(path);
  expect_refused(outcome(), {"unusable", "no regular file"});
  fs::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  expect_refused(outcome(), {"unusable", "no regular file"});
}

TEST_F(JudgeTest, without_a_lock_nothing_is_pinned) {
  require(true, false);
  expect_refused(outcome(), {"plugins.lock", "unusable", "skep plugin lock"});
  lock(pin());
  expect_refused(outcome(candidate("com.acme.cpu")), {"not in the lock"});
}

TEST_F(JudgeTest, a_lock_that_cannot_be_understood_admits_nothing) {
  for (const bool pinned : {false, true}) {
    require(pinned, !pinned);
    write_text(settings.lock_file, "format = 1\n[pins.\"com.acme.disk\"\n");
    expect_refused(outcome(), {"plugins.lock:2:", "unusable"});
  }
}

TEST_F(JudgeTest, a_copy_that_changed_is_refused) {
  Candidate a = candidate();
  a.copy = dir.file("copy");
  write_text(a.copy, "other bytes");
  expect_refused(outcome(a), {"changed while we looked"});
}

TEST_F(JudgeTest, a_policy_becomes_stricter_at_run_time_and_looser_never) {
  Settings strict = settings;
  strict.pin = strict.signature = true;
  Gate gate(settings);
  EXPECT_TRUE(gate.admit(candidate()));
  ASSERT_TRUE(gate.tighten(strict));
  EXPECT_FALSE(gate.admit(candidate()));
  const Status back = gate.tighten(settings);
  ASSERT_FALSE(back);
  EXPECT_NE(back.error().message.find("no longer asks for a pin"), std::string::npos);
  EXPECT_FALSE(gate.admit(candidate())) << "nothing changed";
}

TEST_F(JudgeTest, further_keys_are_looser_and_fewer_are_not) {
  require(false, true);
  const std::string a = acme.public_key().line();
  const std::string b = other.public_key().line();
  const auto looser = [&](const std::map<std::string, std::vector<std::string>>& keys) {
    Settings after = settings;
    after.keys = Keyring::parse(keys).value();
    return looser_by(settings, after);
  };
  EXPECT_EQ(looser({{"com.acme.", {a}}, {"*", {b}}}), "");
  EXPECT_EQ(looser({{"com.acme.", {a}}}), "");
  EXPECT_EQ(looser({}), "");
  EXPECT_EQ(looser({{"com.acme.", {a}}, {"com.acme.disk", {}}, {"*", {b}}}), "");
  EXPECT_NE(looser({{"com.acme.", {a, b}}, {"*", {b}}}), "");
  EXPECT_NE(looser({{"*", {b}}}), "") << "ids of com.acme. fall to the key of *";
  EXPECT_NE(looser({{"com.acme.", {a}}, {"com.acme.disk", {b}}, {"*", {b}}}), "");
  Settings elsewhere = settings;
  elsewhere.lock_file += "2";
  EXPECT_NE(looser_by(settings, elsewhere), "");
}

}  // namespace
}  // namespace skep::trust
