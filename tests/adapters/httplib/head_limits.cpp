#include <powerconsul/adapters/httplib/head_limits.hpp>

#include <string>

#include <doctest/doctest.h>

using powerconsul::detail::head_limits;

TEST_CASE("an answer is told by its first bytes") {
    head_limits head;
    head.has_received("HTTP/1.1 200");
    head.has_received("SSH-2.0");
    CHECK(head.speaks_http);
    CHECK(head.received == 19);
    head_limits other;
    other.has_received("SSH-2.0");
    other.has_received("HTTP/1.1 200");
    CHECK_FALSE(other.speaks_http);
}

TEST_CASE("headers beyond their limit are not read on, a body is") {
    head_limits head;
    head.received = head_limits::header_limit;
    CHECK(head.takes_more());
    head.has_received("x");
    CHECK_FALSE(head.takes_more());
    CHECK(head.flooded);
    head.answered = true;
    CHECK(head.takes_more());
    CHECK_FALSE(head.flooded);
}

TEST_CASE("a line before the body has its limit, a body's has none") {
    head_limits head;
    const std::string half(head_limits::line_limit / 2, 'x');
    for (int i = 0; i < 3; ++i) {
        CHECK(head.fits(half));
        CHECK(head.fits(half));
        CHECK(head.fits("\n"));
    }
    CHECK(head.fits(half + half));
    CHECK_FALSE(head.overlong);
    head_limits body = head;
    CHECK_FALSE(head.fits("x"));
    CHECK(head.overlong);
    CHECK_FALSE(head.fits("\n"));
    body.answered = true;
    CHECK(body.fits(half + half));
    CHECK_FALSE(body.overlong);
}
