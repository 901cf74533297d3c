#include <powerconsul/core/owned.hpp>

#include <doctest/doctest.h>

#include <new>
#include <utility>

using namespace powerconsul;

namespace {

int freed = 0;
void release(int* what) {
    ++freed;
    *what = 0;
}

}  // namespace

TEST_CASE("what is owned is freed once, by its last owner") {
    int number = 5;
    {
        owned<int, release> first{&number};
        owned<int, release> second{std::move(first)};
        CHECK_FALSE(first);  // NOLINT(bugprone-use-after-move): what it then holds is the point
        CHECK(second.get() == &number);
        first = std::move(second);
        CHECK(first.get() == &number);
        CHECK(freed == 0);
    }
    CHECK(freed == 1);
    CHECK(number == 0);
    {
        owned<int, release> given_away{&number};
        CHECK(given_away.release() == &number);
        const owned<int, release> nothing{nullptr};
    }
    CHECK(freed == 1);
    CHECK_THROWS_AS((void)own<release>(static_cast<int*>(nullptr)), std::bad_alloc);
}
