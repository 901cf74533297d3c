#include <powerconsul/checks/verdict_log.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/testing/memory_files.hpp>

using namespace powerconsul;
using checks::keep_verdict;
using testing::memory_files;

namespace {

auto report(verdict state, std::string why = "it is so") -> check_report {
    return {.subject = {.kind = "service", .name = "apache2"},
            .state = state,
            .expects = expectation::running,
            .seen = observation::stopped,
            .own = role::primary,
            .why = std::move(why)};
}

const std::string call = "service\n--service=apache2";

auto changed(memory_files& files, const check_report& now, std::string_view which = call) -> bool {
    const auto kept = keep_verdict(files, "/state", which, now);
    REQUIRE_MESSAGE(kept, kept.error().message);
    return *kept;
}

}  // namespace

TEST_CASE("the event has the verdict, its subject and the reason, and a level that goes with it") {
    for (const auto& [state, level] :
         {std::pair{verdict::passing, event_level::info}, std::pair{verdict::warning, event_level::warning},
          std::pair{verdict::critical, event_level::error}, std::pair{verdict::unknown, event_level::warning}}) {
        const auto said = checks::verdict_event(report(state), "web");
        CHECK(said.level == level);
        CHECK(said.service == "web");
        CHECK(said.state == to_string(state));
        CHECK(said.fields == std::vector<std::pair<std::string_view, std::string>>{
                                 {"type", "service"},
                                 {"name", "apache2"},
                                 {"reason", "apache2 is stopped, primary expects running: it is so"}});
    }
}

TEST_CASE("a verdict changes with its state or reason, for each call by itself") {
    memory_files files;
    CHECK(changed(files, report(verdict::critical)));
    CHECK_FALSE(changed(files, report(verdict::critical)));
    CHECK(changed(files, report(verdict::warning)));
    CHECK(changed(files, report(verdict::warning, "for another reason")));
    CHECK_FALSE(changed(files, report(verdict::warning, "for another reason")));
    CHECK(changed(files, report(verdict::critical)));
    CHECK(changed(files, report(verdict::warning), "service\n--service=nginx"));
    CHECK_FALSE(changed(files, report(verdict::critical)));
    // A reason of any length and with any bytes is compared as it is told.
    const std::string odd = std::string(5000, 'x') + "\n\0";
    CHECK(changed(files, report(verdict::critical, odd)));
    CHECK_FALSE(changed(files, report(verdict::critical, odd)));
    CHECK(files.get(checks::verdict_file("/state", call)).value().size() < 4096);
}

TEST_CASE("without a record that can be trusted and written nothing is told to have changed") {
    memory_files files;
    files.put("/state", {}, {file_kind::directory, 0777, 1000, 1000});
    const auto shared = keep_verdict(files, "/state", call, report(verdict::critical));
    REQUIRE_FALSE(shared);
    CHECK(shared.error().code == errc::denied);
    files.put("/state", {}, {file_kind::directory, 0700, 1000, 1000});
    const std::string path = checks::verdict_file("/state", call);
    CHECK(changed(files, report(verdict::critical)));
    files.fail_on(path, {errc::io, "the disk is full"});
    const auto full = keep_verdict(files, "/state", call, report(verdict::warning));
    REQUIRE_FALSE(full);
    CHECK(full.error() == error{errc::io, "the disk is full"});
    files.heal(path);
    CHECK(changed(files, report(verdict::warning)));
    // What stands there and is no record is replaced.
    files.put(path, std::string(100'000, 'x'));
    CHECK(changed(files, report(verdict::warning)));
    CHECK_FALSE(changed(files, report(verdict::warning)));
}
