#include <powerconsul/json/allocator.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <new>

using powerconsul::json::detail::allocator;

TEST_CASE("memory is given, made larger with what it holds, and taken back") {
    allocator from;
    auto* text = static_cast<char*>(from.Malloc(4));
    REQUIRE(text != nullptr);
    std::memcpy(text, "abc", 4);
    text = static_cast<char*>(from.Realloc(text, 4, 100'000));
    CHECK(std::strcmp(text, "abc") == 0);
    CHECK(from.Realloc(text, 100'000, 0) == nullptr);
    CHECK(from.Malloc(0) == nullptr);
    allocator::Free(nullptr);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POWERCONSUL_ASAN
#endif
#endif
// A sanitizer ends the process instead.
#if !defined(POWERCONSUL_ASAN) && !defined(__SANITIZE_ADDRESS__)

TEST_CASE("where there is no memory it throws, and what was given before stays") {
    allocator from;
    volatile std::size_t most = SIZE_MAX / 4;  // so that no compiler complains of it
    CHECK_THROWS_AS(static_cast<void>(from.Malloc(most)), std::bad_alloc);
    auto* const text = static_cast<char*>(from.Malloc(1));
    *text = 'a';
    CHECK_THROWS_AS(static_cast<void>(from.Realloc(text, 1, most)), std::bad_alloc);
    CHECK(*text == 'a');
    allocator::Free(text);
}

#endif
