#include <powerconsul/adapters/posix/fd.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <utility>

using namespace powerconsul;

namespace {

auto is_open(int number) -> bool {
    return ::fcntl(number, F_GETFD) != -1;
}

}  // namespace

TEST_CASE("a descriptor is closed once, by its last owner") {
    int number = -1;
    {
        posix_fd first{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
        REQUIRE(first);
        number = first.get();
        posix_fd second{std::move(first)};
        CHECK(is_open(number));
        posix_fd third{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
        const int replaced = third.get();
        third = std::move(second);
        CHECK_FALSE(is_open(replaced));
        CHECK(third.get() == number);
        CHECK(is_open(number));
    }
    CHECK_FALSE(is_open(number));
    CHECK_FALSE(posix_fd{});
}

TEST_CASE("an interrupted call is repeated, a failed one is not") {
    int calls = 0;
    const auto interrupted_twice = [&] {
        errno = EINTR;
        return ++calls < 3 ? -1 : 7;
    };
    CHECK(uninterrupted(interrupted_twice) == 7);
    CHECK(calls == 3);
    const auto failing = [&] {
        ++calls;
        errno = EIO;
        return -1;
    };
    CHECK(uninterrupted(failing) == -1);
    CHECK(calls == 4);
    CHECK(result<int>{system_failure("open", "/x", ENOENT)}.error() ==
          error{errc::io, "cannot open \"/x\": No such file or directory"});
}

TEST_CASE("where poll fails, a moment passes before the loop goes on") {
    struct too_many {
        static auto data() -> pollfd* { return nullptr; }
        static auto size() -> nfds_t { return ~nfds_t{}; }
    } waits;
    const auto before = std::chrono::steady_clock::now();
    CHECK(poll_or_pause(waits, 0) == -1);
    CHECK(std::chrono::steady_clock::now() - before >= std::chrono::milliseconds{10});
    std::array<pollfd, 1> none{pollfd{-1, 0, 0}};
    CHECK(poll_or_pause(none, 0) == 0);
}
