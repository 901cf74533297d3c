#include <powerconsul/adapters/posix/machine.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace powerconsul;

namespace {

/// A folder with a program, a plain file, a FIFO and links, gone with it.
struct folder {
    std::string path{"/tmp/powerconsul-machine-XXXXXX"};

    folder() {
        REQUIRE(mkdtemp(path.data()) != nullptr);
        for (const std::string name : {"program", "plain"}) {
            const int file = open((path + '/' + name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
            REQUIRE(write(file, "#!/bin/sh\n", 10) == 10);
            close(file);
        }
        REQUIRE(chmod((path + "/program").c_str(), 0700) == 0);
        REQUIRE(mkfifo((path + "/fifo").c_str(), 0600) == 0);
        REQUIRE(symlink("program", (path + "/link").c_str()) == 0);
        REQUIRE(symlink("nowhere", (path + "/broken").c_str()) == 0);
    }
    folder(const folder&) = delete;
    auto operator=(const folder&) -> folder& = delete;
    ~folder() { (void)std::system(("rm -rf " + path).c_str()); }  // NOLINT: a path that mkdtemp made
};

}  // namespace

TEST_CASE("what may be executed and written") {
    const folder here;
    const posix_machine machine;
    CHECK(machine.can_execute(here.path + "/program"));
    CHECK(machine.can_execute(here.path + "/link"));
    CHECK_FALSE(machine.can_execute(here.path + "/plain"));
    CHECK_FALSE(machine.can_execute(here.path + "/nowhere"));
    CHECK(machine.can_write(here.path));
    CHECK_FALSE(machine.can_write(here.path + "/nowhere"));
    CHECK_FALSE(machine.can_write(here.path + "/plain"));
}

TEST_CASE("paths with links") {
    const folder here;
    const posix_machine machine;
    CHECK(machine.real_path(here.path + "/./link") == machine.real_path(here.path) + "/program");
    CHECK(machine.real_path(here.path + "/broken").empty());
    CHECK(machine.link_target(here.path + "/broken") == "nowhere");
    CHECK(machine.link_target(here.path + "/plain").empty());
}

TEST_CASE("the first bytes of a file, without waiting for anybody") {
    const folder here;
    const posix_machine machine;
    CHECK(machine.beginning_of(here.path + "/link", 5) == "#!/bi");
    CHECK(machine.beginning_of(here.path + "/link", 100) == "#!/bin/sh\n");
    CHECK(machine.beginning_of(here.path + "/fifo", 5).empty());
    CHECK(machine.beginning_of(here.path + "/nowhere", 5).empty());
    CHECK(machine.beginning_of(here.path, 5).empty());
}

TEST_CASE("the room that is left") {
    const posix_machine machine;
    CHECK(machine.room("/").bytes.has_value());
    CHECK_FALSE(machine.room("/proc").files.has_value());  // it counts none
    CHECK_FALSE(machine.room("/no/such/path").bytes.has_value());
}
