#include <powerconsul/adapters/posix/process.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace powerconsul;

namespace {

/// A folder of its own, gone with it.
struct folder {
    std::string path{"/tmp/powerconsul-process-XXXXXX"};

    folder() { REQUIRE(mkdtemp(path.data()) != nullptr); }
    folder(const folder&) = delete;
    auto operator=(const folder&) -> folder& = delete;
    ~folder() { (void)std::system(("rm -rf " + path).c_str()); }  // NOLINT: a path that mkdtemp made
};

/// What a process of its own exits with, since what is tried cannot be undone.
template <typename Work>
[[nodiscard]] auto in_child(Work work) -> int {
    const pid_t child = fork();
    if (child == 0) _exit(work());
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

}  // namespace

TEST_CASE("root becomes the owner of a directory for good, and nobody else changes") {
    const folder box;
    CHECK(become_owner_of(box.path + "/missing"));
    CHECK(become_owner_of(box.path));
    const uid_t before = geteuid();
    if (before != 0) {
        CHECK(become_owner_of("/"));
        CHECK(geteuid() == before);
        MESSAGE("only root can become somebody else: not looked at");
        return;
    }
    CHECK(geteuid() == 0);
    constexpr uid_t user = 4711;
    constexpr gid_t group = 4712;
    REQUIRE(chown(box.path.c_str(), user, group) == 0);
    CHECK(in_child([&] {
              const gid_t others[]{0, 4};
              if (setgroups(2, others) != 0) return 1;
              if (!become_owner_of(box.path)) return 2;
              uid_t real{}, effective{}, saved{};
              if (getresuid(&real, &effective, &saved) != 0) return 3;
              if (real != user || effective != user || saved != user) return 4;
              gid_t real_group{}, effective_group{}, saved_group{};
              if (getresgid(&real_group, &effective_group, &saved_group) != 0) return 5;
              if (real_group != group || effective_group != group || saved_group != group) return 6;
              if (getgroups(0, nullptr) != 0) return 7;
              if (setuid(0) == 0) return 8;
              // It is that user's already.
              return become_owner_of("/") ? 0 : 9;
          }) == 0);
    CHECK(geteuid() == 0);
}

TEST_CASE("as a program of its own" * doctest::skip()) {
    std::string own(4096, '\0');
    const auto size = readlink("/proc/self/exe", own.data(), own.size());
    REQUIRE(size > 0);
    own.resize(static_cast<std::size_t>(size));
    REQUIRE(own.ends_with("/copy of the test"));
    CHECK_FALSE(program_was_replaced());
    REQUIRE(rename(own.c_str(), (own + ".old").c_str()) == 0);
    // It is known by its new name.
    CHECK_FALSE(program_was_replaced());
    REQUIRE(rename((own + ".old").c_str(), own.c_str()) == 0);
    REQUIRE(unlink(own.c_str()) == 0);
    CHECK_FALSE(program_was_replaced());
    std::ofstream{own} << "another";
    CHECK(program_was_replaced());
}

TEST_CASE("a program whose file was replaced knows it, and goes on while there is none") {
    CHECK_FALSE(program_was_replaced());
    const folder box;
    const std::string copy = box.path + "/copy of the test";
    REQUIRE(std::system(("cp /proc/" + std::to_string(getpid()) + "/exe '" + copy + "'").c_str()) == 0);  // NOLINT
    const std::string call = "'" + copy + "' --no-skip '--test-case=as a program of its own' >/dev/null";
    CHECK(std::system(call.c_str()) == 0);  // NOLINT: a path that mkdtemp made
    std::string left;
    std::getline(std::ifstream{copy}, left);
    CHECK(left == "another");
}
