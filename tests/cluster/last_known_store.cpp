#include <powerconsul/cluster/last_known_store.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <powerconsul/testing/memory_files.hpp>

using namespace powerconsul;
using testing::memory_files;

namespace {

const last_known known{"cluster/production/web", "production-web1", role::primary, expectation::running, 7, {1000}};

struct trust_row {
    std::string_view name;
    file_status status;
    std::string_view refused;  ///< behind `the state directory <path> `; empty: taken
};
constexpr trust_row trust[] = {
    {"own, 0700", {file_kind::directory, 0700, 1000, 1000, 0, 0}, ""},
    {"own, 0755", {file_kind::directory, 0755, 1000, 1000, 0, 0}, ""},
    {"root's", {file_kind::directory, 0755, 0, 0, 0, 0}, ""},
    {"symbolic link", {file_kind::symlink, 0777, 1000, 1000, 0, 0}, "is a symbolic link; use the real one"},
    {"a file", {file_kind::regular, 0600, 1000, 1000, 0, 0}, "is not a directory"},
    {"a device", {file_kind::other, 0600, 1000, 1000, 0, 0}, "is not a directory"},
    {"another user's", {file_kind::directory, 0700, 1001, 1000, 0, 0}, "belongs to another user; chown it to this one"},
    {"others may write", {file_kind::directory, 0702, 1000, 1000, 0, 0}, "can be written by others; chmod it to 0700"},
    {"the group may write",
     {file_kind::directory, 0720, 1000, 1000, 0, 0},
     "can be written by others; chmod it to 0700"},
    {"root's, all may write", {file_kind::directory, 01777, 0, 0, 0, 0}, "can be written by others; chmod it to 0700"},
};

}  // namespace

TEST_CASE("a record is kept per service, whatever the service is called") {
    memory_files files;
    state_directory<memory_files&> state{files, "/state"};
    for (const std::string_view service : {"web", "my web", "caf\xC3\xA9", "a/../b", "..", ""}) {
        CAPTURE(service);
        CHECK_FALSE(*state.load(service));
        last_known each = known;
        each.node = std::string{service};
        REQUIRE(state.save(service, each));
        const auto read = state.load(service);
        REQUIRE(read);
        REQUIRE(*read);
        CHECK((*read)->says_the_same_as(each));
    }
    CHECK(files.get("/state/last-known/web.json") == json::encode_last_known([] {
              last_known each = known;
              each.node = "web";
              return each;
          }()));
    CHECK(files.get("/state/last-known/a%2F..%2Fb.json"));
}

TEST_CASE("a directory that others may change is neither read nor written") {
    for (const std::string_view untrusted : {"/state", "/state/last-known"}) {
        for (const auto& each : trust) {
            CAPTURE(untrusted);
            CAPTURE(each.name);
            memory_files files;
            state_directory<memory_files&> state{files, "/state"};
            REQUIRE(state.save("web", known));
            const auto before = files.get("/state/last-known/web.json");
            files.put(std::string{untrusted}, "", each.status);
            const auto loaded = state.load("web");
            last_known changed = known;
            changed.own = role::secondary;
            const auto saved = state.save("web", changed);
            CHECK(loaded.has_value() == each.refused.empty());
            CHECK(saved.has_value() == each.refused.empty());
            if (each.refused.empty()) continue;
            CHECK(files.get("/state/last-known/web.json") == before);
            CHECK(loaded.error().code == errc::denied);
            CHECK(saved.error() == loaded.error());
            CHECK(loaded.error().message ==
                  "the state directory " + std::string{untrusted} + ' ' + std::string{each.refused});
        }
    }
}

TEST_CASE("what cannot be read or written is an error, never an empty record") {
    memory_files files;
    state_directory<memory_files&> state{files, "/state"};
    REQUIRE(state.save("web", known));
    files.put("/state/last-known/web.json", "{}");
    CHECK(state.load("web").error() ==
          error{errc::bad_data, "/state/last-known/web.json: the record of the last known role is damaged"});
    files.put("/state/last-known/web.json", std::string(16 * 1024 + 1, ' '));
    CHECK(state.load("web").error().code == errc::bad_data);
    files.put("/state/last-known/web.json", "", {file_kind::symlink, 0777, 1000, 1000, 0, 0});
    CHECK(state.load("web").error().code == errc::bad_data);
    const std::string text = json::encode_last_known(known);
    for (const auto& [status, trusted] : {std::pair{file_status{file_kind::regular, 0600, 0, 0, 0, 0}, true},
                                          {file_status{file_kind::regular, 0600, files.user() + 1, 0, 0, 0}, false},
                                          {file_status{file_kind::regular, 0620, files.user(), 0, 0, 0}, false},
                                          {file_status{file_kind::regular, 0602, files.user(), 0, 0, 0}, false}}) {
        files.put("/state/last-known/web.json", text, status);
        const auto loaded = state.load("web");
        REQUIRE(loaded.has_value() == trusted);
        if (!trusted) CHECK(loaded.error().code == errc::denied);
    }
    REQUIRE(state.save("web", known));
    CHECK(state.load("web"));
    files.fail_on("/state/last-known/web.json", {errc::io, "input/output error"});
    CHECK(state.load("web").error() == error{errc::io, "input/output error"});
    CHECK(state.save("web", known).error() == error{errc::io, "input/output error"});
    files.fail_on("/state", {errc::denied, "permission denied"});
    CHECK(state.load("web").error().code == errc::denied);
    CHECK(state.save("web", known).error().code == errc::denied);

    state_directory<memory_files&> nowhere{files, "/no/such/parent"};
    CHECK_FALSE(*nowhere.load("web"));
    CHECK(nowhere.save("web", known).error().code == errc::io);
}

namespace {

/// Files of which one cannot be told whether it is there.
struct unsure_files : memory_files {
    auto status(const std::string& path) -> result<std::optional<file_status>> {
        if (path == unsure) return fail(errc::io, "input/output error");
        return memory_files::status(path);
    }
    std::string unsure{};
};

}  // namespace

TEST_CASE("whether there is a record must be known, and without its directory there is none") {
    unsure_files files;
    state_directory<unsure_files&> state{files, "/state"};
    const std::string path = "/state/last-known/web.json";
    files.unsure = path;
    CHECK_FALSE(*state.load("web"));
    REQUIRE(state.save("web", known));
    CHECK(state.load("web").error() == error{errc::io, "input/output error"});
}

TEST_CASE("a record has at most 16 KiB") {
    memory_files files;
    state_directory<memory_files&> state{files, "/state"};
    REQUIRE(state.save("web", known));
    const std::string path = "/state/last-known/web.json";
    files.put(path, std::string(16 * 1024, ' '));
    CHECK(state.load("web").error().message.starts_with(path + ": not valid JSON"));
    files.put(path, std::string(16 * 1024 + 1, ' '));
    CHECK(state.load("web").error().message == quoted(path) + " is larger than the 16384 bytes allowed");
}
