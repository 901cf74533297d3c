#include <powerconsul/adapters/httplib/client.hpp>

#include <array>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

using namespace powerconsul;
using detail::answer_stream;
using detail::bounds;
using detail::head_limits;

namespace {

/// Gives out one text with each read.
struct spoken final : detail::channel {
    std::vector<std::string> texts;
    std::string written{};
    std::size_t next{};

    explicit spoken(std::vector<std::string> all) : texts{std::move(all)} {}
    auto read(char* to, std::size_t size) -> ssize_t override {
        if (next == texts.size()) return 0;
        return static_cast<ssize_t>(texts[next++].copy(to, size));
    }
    auto write(const char* from, std::size_t size) -> ssize_t override {
        written.append(from, size);
        return static_cast<ssize_t>(size);
    }
};

}  // namespace

TEST_CASE("what was read ahead is given out before more is read") {
    spoken other{{"HTTP/1.1 200", "x"}};
    bounds limits;
    head_limits head;
    answer_stream stream{other, 7, limits, head};
    CHECK(stream.socket() == 7);
    std::array<char, 16> some{};
    CHECK(stream.read(some.data(), 4) == 4);
    CHECK(std::string_view{some.data(), 4} == "HTTP");
    CHECK(stream.read(some.data(), some.size()) == 8);
    CHECK(std::string_view{some.data(), 8} == "/1.1 200");
    CHECK(other.next == 1);
    CHECK(head.received == 12);
    CHECK(head.speaks_http);
    CHECK(stream.read(some.data(), some.size()) == 1);
    CHECK(stream.read(some.data(), some.size()) == 0);
    CHECK(stream.write("GET", 3) == 3);
    CHECK(other.written == "GET");
}

TEST_CASE("nothing beyond the limits comes through") {
    bounds limits;
    std::string got(2 * head_limits::line_limit, ' ');
    SUBCASE("a line") {
        head_limits head;
        spoken other{std::vector<std::string>(9, std::string(1000, 'x'))};
        answer_stream stream{other, -1, limits, head};
        for (int i = 0; i < 8; ++i) CHECK(stream.read(got.data(), got.size()) == 1000);
        CHECK(stream.read(got.data(), got.size()) == -1);
        CHECK(head.overlong);
    }
    SUBCASE("all headers") {
        head_limits head;
        spoken other{{"a", "b"}};
        answer_stream stream{other, -1, limits, head};
        head.received = head_limits::header_limit;
        CHECK(stream.read(got.data(), got.size()) == 1);
        CHECK(stream.read(got.data(), got.size()) == -1);
        CHECK(head.flooded);
        CHECK(other.next == 1);
    }
    SUBCASE("a body") {
        head_limits head;
        head.answered = true;
        head.received = head_limits::header_limit;
        spoken other{std::vector<std::string>(9, std::string(1000, 'x'))};
        answer_stream stream{other, -1, limits, head};
        for (int i = 0; i < 9; ++i) CHECK(stream.read(got.data(), got.size()) == 1000);
    }
}
