#include <powerconsul/adapters/posix/job_scope.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <string>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace powerconsul;
using powerconsul::detail::job_scope;

namespace {

/// A control group of version 2 below this process's own, gone with its processes.
class made_group {
public:
    explicit made_group(const std::string& name) {
        std::ifstream file{"/proc/self/cgroup"};
        std::string own;
        for (std::string line; std::getline(file, line);) {
            if (line.starts_with("0::")) own = line.substr(3);
        }
        for (const std::string root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
            const std::string path = root + own + '/' + name;
            if (::access((root + "/cgroup.procs").c_str(), W_OK) == 0 && ::mkdir(path.c_str(), 0755) == 0) path_ = path;
        }
        if (path_.empty()) MESSAGE("skipped: no control group is to be had");
    }
    made_group(const made_group&) = delete;
    auto operator=(const made_group&) -> made_group& = delete;
    ~made_group() {
        for (int tries = 0; tries < 1000 && ::rmdir(path_.c_str()) != 0 && errno == EBUSY; ++tries) ::usleep(5000);
    }
    explicit operator bool() const { return !path_.empty(); }
    void take(pid_t pid) const { std::ofstream{path_ + "/cgroup.procs"} << pid; }

private:
    std::string path_{};
};

/// A process that waits, in a session of its own or in the group of another.
class waiting {
public:
    explicit waiting(pid_t group = 0) : pid_{::fork()} {
        if (pid_ == 0) {
            ::signal(SIGTERM, SIG_DFL);
            if (group == 0) ::setsid();
            for (;;) ::pause();
        }
        REQUIRE(pid_ > 0);
        if (group != 0) REQUIRE(::setpgid(pid_, group) == 0);
        while (group == 0 && ::getsid(pid_) != pid_) ::usleep(1000);
    }
    waiting(const waiting&) = delete;
    auto operator=(const waiting&) -> waiting& = delete;
    ~waiting() {
        ::kill(pid_, SIGKILL);
        (void)end();
    }
    [[nodiscard]] auto pid() const -> pid_t { return pid_; }
    /// The signal that ended it, 0 if none has.
    [[nodiscard]] auto end(int options = 0) -> int {
        int status = 0;
        return ::waitpid(pid_, &status, options) == pid_ ? WTERMSIG(status) : 0;
    }

private:
    pid_t pid_;
};

}  // namespace

TEST_CASE("a signal to a job's scope reaches what has left its group, and nobody else") {
    const made_group scope{"powerconsul-unit-test-1.scope"};
    if (!scope) return;
    waiting leader;
    waiting member{::getpgrp()};
    waiting keeper;
    waiting foreign;
    for (const pid_t pid : {leader.pid(), member.pid(), keeper.pid()}) scope.take(pid);
    const auto found = job_scope::of(leader.pid());
    CHECK(found.signal(0, keeper.pid()));
    CHECK(found.signal(SIGTERM, keeper.pid()));
    CHECK(member.end() == SIGTERM);
    CHECK_FALSE(found.signal(SIGKILL, keeper.pid()));
    for (auto* other : {&leader, &keeper, &foreign}) CHECK(other->end(WNOHANG) == 0);
    CHECK(found.signal(SIGKILL, 0));
    CHECK(keeper.end() == SIGKILL);
}

TEST_CASE("a process has no scope of its own outside of one, in one that is no job's, and in that of who looks") {
    waiting one;
    CHECK_FALSE(job_scope{}.signal(0, 0));
    CHECK_FALSE(job_scope::of(one.pid()).signal(0, 0));
    CHECK_FALSE(job_scope::of(0).signal(0, 0));
    for (const std::string name : {"powerconsul.worker.scope", "powerconsul-unit-test-2.service", "session-1.scope"}) {
        CAPTURE(name);
        const made_group other{name};
        if (!other) return;
        waiting inside;
        waiting beside;
        other.take(inside.pid());
        other.take(beside.pid());
        CHECK_FALSE(job_scope::of(inside.pid()).signal(0, 0));
    }
    const made_group scope{"powerconsul-unit-test-3.scope"};
    if (!scope) return;
    const pid_t looks = ::fork();
    if (looks == 0) {
        scope.take(::getpid());
        const pid_t inside = ::fork();
        if (inside == 0) ::pause();
        const bool own = job_scope::of(inside).signal(0, 0);
        ::kill(inside, SIGKILL);
        ::waitpid(inside, nullptr, 0);
        ::_exit(own ? 1 : 0);
    }
    int status = -1;
    CHECK(::waitpid(looks, &status, 0) == looks);
    CHECK(status == 0);
}
