#include <powerconsul/probes/service/service_manager.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/testing/memory_files.hpp>

using namespace powerconsul;

TEST_CASE("a service manager's name is read as it is written") {
    for (const auto each : service_managers) CHECK(*parse_service_manager(to_string(each)) == each);
    for (const std::string_view wrong : {"", "Systemd", "upstart", "systemd ", "sysvinit"}) {
        CAPTURE(wrong);
        const auto seen = parse_service_manager(wrong);
        REQUIRE_FALSE(seen.has_value());
        CHECK(seen.error().code == errc::usage);
        CHECK(seen.error().message.find("systemd, sysv or openrc") != std::string::npos);
    }
}

TEST_CASE("the service manager is found by what it puts into the file system") {
    struct found {
        const char* path;
        file_kind kind;
    };
    struct case_row {
        std::string_view name;
        std::vector<found> there;
        service_manager manager;
    };
    using enum file_kind;
    const case_row rows[] = {
        {"systemd with init scripts",
         {{"/run/systemd/system", directory}, {"/etc/init.d", directory}},
         service_manager::systemd},
        {"init scripts only", {{"/etc/init.d", directory}}, service_manager::sysv},
        {"init scripts behind a link", {{"/etc/init.d", symlink}}, service_manager::sysv},
        {"OpenRC", {{"/run/openrc", directory}, {"/etc/init.d", directory}}, service_manager::openrc},
        {"systemd's tools without systemd",
         {{"/run/systemd", directory}, {"/etc/init.d", directory}},
         service_manager::sysv},
        {"a file where a directory should be",
         {{"/run/systemd/system", regular}, {"/etc/init.d", directory}},
         service_manager::sysv},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        testing::memory_files files;
        for (const auto& each : row.there) files.put(each.path, "", {.kind = each.kind, .mode = 0755});
        const auto seen = detect_service_manager(files);
        REQUIRE(seen.has_value());
        CHECK(*seen == row.manager);
    }
    testing::memory_files files;
    const auto none = detect_service_manager(files);
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().code == errc::unavailable);
    CHECK(none.error().message.find("--") == std::string::npos);
    CHECK(none.error().remedy == "serviceManager");

    files.put("/etc/init.d", "", {.kind = directory, .mode = 0755});
    files.fail_on("/run/systemd/system", {errc::io, "Permission denied"});
    const auto unclear = detect_service_manager(files);
    REQUIRE_FALSE(unclear.has_value());
    CHECK(unclear.error().message == "Permission denied");
}

TEST_CASE("only names are names of local services") {
    for (const std::string_view name : {"apache2", "getty@tty1.service", "hwclock.sh", "a", "UPPER_case-9", "x:y+z",
                                        "system-systemd\\x2dcryptsetup.slice", "a..b"}) {
        CAPTURE(name);
        CHECK(validate_local_service(name).has_value());
    }
    CHECK(validate_local_service(std::string(255, 'x')).has_value());
    for (const std::string_view name :
         {std::string_view{""}, std::string_view{"-x"}, std::string_view{"--help"}, std::string_view{"."},
          std::string_view{".."}, std::string_view{"../cron"}, std::string_view{"/bin/sh"}, std::string_view{"a/b"},
          std::string_view{"a*"}, std::string_view{"a?"}, std::string_view{"[a]"}, std::string_view{"a b"},
          std::string_view{"a\n"}, std::string_view{"a;b"}, std::string_view{"$(id)"}, std::string_view{"a\0b", 3},
          std::string_view{"caf\xC3\xA9"}}) {
        CAPTURE(name);
        const auto valid = validate_local_service(name);
        REQUIRE_FALSE(valid.has_value());
        CHECK(valid.error().code == errc::usage);
    }
    CHECK_FALSE(validate_local_service(std::string(256, 'x')).has_value());
}
