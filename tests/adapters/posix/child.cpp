#include <powerconsul/adapters/posix/child.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/clock.hpp>

using namespace powerconsul;

namespace {

struct attended {
    result<detail::child_end> end;
    std::string out{};
    std::string err{};
    milliseconds took{};
};

/// A shell with that script in a group of its own.
[[nodiscard]] auto attend(const std::string& script, const detail::child_limits& limits) -> attended {
    auto out = detail::make_output("sh", 10);
    auto err = detail::make_output("sh", 10);
    REQUIRE((out && err));
    const posix_clock clock;
    const milliseconds began = clock.monotonic();
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::setsid();
        ::dup2((*out)[1].get(), 1);
        ::dup2((*err)[1].get(), 2);
        ::execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
        ::_exit(127);
    }
    (*out)[1].reset();
    (*err)[1].reset();
    constexpr std::size_t all = 1'000'000;
    std::array outputs{detail::kept_output{std::move((*out)[0]), all}, detail::kept_output{std::move((*err)[0]), all}};
    auto end = detail::attend(pid, "sh", limits, outputs);
    return {std::move(end), outputs[0].text, outputs[1].text, clock.monotonic() - began};
}

}  // namespace

TEST_CASE("words that no program can be run with") {
    using words = std::vector<std::string>;
    CHECK(detail::refusal({"/bin/sh", "-c"}, {"A=b"}).empty());
    CHECK(detail::refusal({}, {}) == "a program needs its absolute path");
    CHECK(detail::refusal({"sh"}, {}) == "a program needs its absolute path");
    const std::string zero{"a\0b", 3};
    for (const auto& [argv, environment] : {std::pair{words{"/bin/sh", zero}, words{}}, {words{"/bin/sh"}, {zero}}}) {
        CHECK(detail::refusal(argv, environment) == "arguments and environment cannot hold a zero byte");
    }
    const words two{"one", "two"};
    const auto list = detail::pointers(two);
    REQUIRE(list.size() == 3);
    CHECK(std::string_view{list[1]} == "two");
    CHECK(list[2] == nullptr);
}

TEST_CASE("descriptors are numbered above those that a child needs for something else") {
    posix_fd low{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    REQUIRE(low);
    const auto high = detail::lifted(std::move(low), 50);
    CHECK(high.get() >= 50);
    CHECK((::fcntl(high.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK_FALSE(detail::lifted(posix_fd{}, 50));
    const auto pipe = detail::make_output("sh", 60);
    REQUIRE(pipe);
    CHECK((*pipe)[0].get() >= 60);
    CHECK((*pipe)[1].get() >= 60);
    CHECK((::fcntl((*pipe)[0].get(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl((*pipe)[1].get(), F_GETFL) & O_NONBLOCK) == 0);
    const auto none = detail::make_pair("sh", 10, [](int*) { return errno = EMFILE, -1; });
    CHECK(none.error().message.starts_with("cannot make a pipe for \"sh\": "));
}

TEST_CASE("not more is taken than was asked for, and a pipe is closed at its end or where it cannot be read") {
    auto pipe = detail::make_output("sh", 10);
    REQUIRE(pipe);
    REQUIRE(::write((*pipe)[1].get(), "abcdef", 6) == 6);
    detail::kept_output kept{std::move((*pipe)[0]), 6};
    detail::take(kept, 4);
    CHECK(kept.text == "abcd");
    detail::take(kept, 4);
    detail::take(kept, 4);
    CHECK(kept.text == "abcdef");
    CHECK(kept.from);
    (*pipe)[1].reset();
    detail::take(kept, 4);
    CHECK_FALSE(kept.from);
    CHECK(kept.unread == 0);
    detail::take(kept, 4);
    detail::kept_output folder{posix_fd{::open("/", O_RDONLY | O_CLOEXEC)}};
    detail::take(folder, 4);
    CHECK_FALSE(folder.from);
    CHECK(folder.unread == EISDIR);
}

TEST_CASE("how a child ended, and what it wrote") {
    const detail::child_limits ample{seconds(30), seconds(1)};
    const auto exited = attend("echo out; echo err >&2; exit 3", ample);
    REQUIRE(exited.end);
    CHECK(exited.end->how == ending::exited);
    CHECK(exited.end->status == 3);
    CHECK(exited.end->reaped);
    CHECK(exited.out == "out\n");
    CHECK(exited.err == "err\n");
    const auto killed = attend("kill -9 $$", ample);
    CHECK(killed.end->how == ending::signalled);
    CHECK(killed.end->status == SIGKILL);
    // More than a pipe holds.
    CHECK(attend("head -c 300000 /dev/zero", ample).out.size() == 300'000);
}

TEST_CASE("a grandchild that keeps the pipe open is not waited for") {
    const auto done = attend("sleep 20 & echo $!", {seconds(15), seconds(1)});
    CHECK(done.end->how == ending::exited);
    CHECK(done.took < seconds(10));
    ::kill(std::stoi(done.out), SIGKILL);
}

TEST_CASE("after its time a child is asked to end, and killed after the grace") {
    const auto asked = attend("trap 'echo bye; exit 7' TERM; while :; do sleep 0.01; done", {{100}, seconds(20)});
    CHECK(asked.end->how == ending::timed_out);
    CHECK(asked.end->status == 0);
    CHECK(asked.out == "bye\n");
    CHECK(asked.took < seconds(10));
    for (const bool whole_group : {false, true}) {
        const auto stubborn = attend("trap '' TERM; while :; do sleep 0.01; done", {{100}, {100}, whole_group});
        CHECK(stubborn.end->how == ending::timed_out);
        CHECK(stubborn.end->reaped);
        CHECK(stubborn.took >= milliseconds{200});
    }
    // The rest of the group gets the grace, too.
    const auto leader = attend("(trap 'sleep 0.2; echo late; exit' TERM; while :; do sleep 0.01; done) & wait",
                               {{100}, seconds(20), true});
    CHECK(leader.out == "late\n");
}

TEST_CASE("a child that somebody else has reaped is an error") {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(0);
    REQUIRE(::waitpid(pid, nullptr, 0) == pid);
    std::array<detail::kept_output, 1> none{};
    const auto lost = detail::attend(pid, "sh", {seconds(5), seconds(1)}, none);
    REQUIRE_FALSE(lost);
    CHECK(lost.error().message.starts_with("cannot learn the end of \"sh\": "));
}
