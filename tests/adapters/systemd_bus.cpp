#include <powerconsul/adapters/systemd_bus.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/fd.hpp>

using namespace powerconsul;

// What a real systemd answers is looked at in integration/service_managers.

namespace {

/// A socket below a folder of its own. What connects gets `greeting` and then, until it closes, nothing.
class mute_bus {
public:
    explicit mute_bus(std::string greeting) : greeting_{std::move(greeting)} {
        REQUIRE(::mkdtemp(directory_.data()) != nullptr);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path().copy(address.sun_path, sizeof address.sun_path - 1);
        listener_ = posix_fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        REQUIRE(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener_.get(), 8) == 0);
        server_ = std::thread{[this] { serve(); }};
    }
    mute_bus(const mute_bus&) = delete;
    auto operator=(const mute_bus&) -> mute_bus& = delete;
    ~mute_bus() {
        ::shutdown(listener_.get(), SHUT_RDWR);  // ends accept
        server_.join();
        ::unlink(path().c_str());
        ::rmdir(directory_.c_str());
    }

    [[nodiscard]] auto path() const -> std::string { return directory_ + "/bus"; }

private:
    void serve() {
        for (;;) {
            const posix_fd client{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
            if (!client) return;
            if (greeting_ == "nobody is at home") continue;
            static_cast<void>(::send(client.get(), greeting_.data(), greeting_.size(), MSG_NOSIGNAL));
            std::array<char, 1024> ignored{};
            while (::read(client.get(), ignored.data(), ignored.size()) > 0) {
            }
        }
    }

    std::string directory_{"/tmp/powerconsul-bus-XXXXXX"};
    std::string greeting_;
    posix_fd listener_{};
    std::thread server_{};
};

// Three lines, as many as sd-bus sends: it waits for an answer to each.
constexpr const char* rejected = "REJECTED\r\nERROR\r\nERROR\r\n";
constexpr const char* nowhere = "/nonexistent/powerconsul/bus";

}  // namespace

TEST_CASE("a bus that does not answer is given up at the end of the time, whatever it waits for") {
    struct case_row {
        std::string_view name;
        const char* greeting;
    };
    constexpr case_row rows[] = {
        {"says nothing at all", ""},
        {"stops in the middle of authentication", "DATA\r\nOK 0123456789abcdef"},
        {"authenticates and says nothing more", "DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const mute_bus mute{row.greeting};
        const systemd_bus_options ways[] = {{.manager = mute.path(), .system_bus = nowhere},
                                            {.manager = "", .system_bus = mute.path()},
                                            {.manager = nowhere, .system_bus = mute.path()}};
        for (const auto& way : ways) {
            CAPTURE(way.manager);
            milliseconds left{300};
            const auto answer = systemd_bus{way}.ask("web.service", left);
            REQUIRE_FALSE(answer.has_value());
            CHECK(answer.error() == error{errc::timed_out, "systemd did not answer in time"});
            CHECK(left == milliseconds{0});
            left = {100};
            const auto units = systemd_bus{way}.matching("web@*.service", left);
            REQUIRE_FALSE(units.has_value());
            CHECK(units.error() == answer.error());
            CHECK(left == milliseconds{0});
        }
    }
}

TEST_CASE("a bus that fails at once leaves the time for another way to ask") {
    const mute_bus closes{"nobody is at home"};
    const mute_bus refuses{rejected};
    const mute_bus babbles{"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"};
    struct case_row {
        std::string_view name;
        systemd_bus_options options;
        const char* reason;
    };
    const case_row rows[] = {
        {"no socket", {.manager = nowhere, .system_bus = nowhere}, "cannot connect to systemd: No such file"},
        {"none but for root", {.manager = "", .system_bus = nowhere}, "cannot connect to systemd: No such file"},
        {"hangs up", {.manager = "", .system_bus = closes.path()}, "cannot connect to systemd: "},
        {"refuses", {.manager = "", .system_bus = refuses.path()}, "cannot connect to systemd: "},
        {"is no bus", {.manager = "", .system_bus = babbles.path()}, "cannot connect to systemd: "},
        {"is no socket", {.manager = "", .system_bus = "/etc/passwd"}, "cannot connect to systemd: Connection refused"},
        {"no library", {.library = "libsystemd-of-nobody.so.0"}, "cannot use libsystemd: libsystemd-of-nobody.so.0: "},
        {"another library", {.library = "libm.so.6"}, "undefined symbol: sd_bus_new"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        milliseconds left = seconds(600);
        const auto answer = systemd_bus{row.options}.ask("web.service", left);
        REQUIRE_FALSE(answer.has_value());
        CHECK(answer.error().code == errc::unavailable);
        CHECK(answer.error().message.find(row.reason) != std::string::npos);
        CHECK(left > milliseconds{0});
        const auto units = systemd_bus{row.options}.matching("web@*.service", left);
        REQUIRE_FALSE(units.has_value());
        CHECK(units.error().code == errc::unavailable);
        CHECK(units.error().message.find(row.reason) != std::string::npos);
    }
}

TEST_CASE("the system bus is asked when systemd's own socket cannot be, and only then") {
    const mute_bus refuses{rejected};
    const mute_bus mute{""};
    milliseconds left{100};
    systemd_bus goes_on{{.manager = refuses.path(), .system_bus = mute.path()}};
    CHECK(goes_on.ask("web.service", left).error().code == errc::timed_out);
    left = {100};
    systemd_bus waits{{.manager = mute.path(), .system_bus = refuses.path()}};
    CHECK(waits.ask("web.service", left).error().code == errc::timed_out);
    left = {};
    CHECK(waits.ask("web.service", left).error().code == errc::timed_out);
}

TEST_CASE("a scope is made by root's own systemd or not at all") {
    const mute_bus closes{"nobody is at home"};
    const mute_bus refuses{rejected};
    const mute_bus mute{""};
    const mute_bus other{"DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n"};
    struct case_row {
        std::string_view name;
        systemd_bus_options options;
        errc code;
        const char* reason;
    };
    const case_row rows[] = {
        {"not root", {.manager = "", .runs = "/"}, errc::unsupported, "scopes are for root where systemd runs"},
        {"no systemd",
         {.manager = mute.path(), .runs = nowhere},
         errc::unsupported,
         "scopes are for root where systemd runs"},
        {"no socket, and the system bus is not asked",
         {.manager = nowhere, .system_bus = mute.path(), .runs = "/"},
         errc::unavailable,
         "cannot connect to systemd: No such file or directory"},
        {"refused", {.manager = refuses.path(), .runs = "/"}, errc::unavailable, "cannot connect to systemd: "},
        {"hangs up", {.manager = closes.path(), .runs = "/"}, errc::unavailable, "cannot connect to systemd: "},
        {"does not answer", {.manager = mute.path(), .runs = "/"}, errc::timed_out, "systemd did not answer in time"},
        {"is not process 1",
         {.manager = other.path(), .runs = "/"},
         errc::unavailable,
         "the systemd that answers is not that of this PID namespace"},
        {"no library",
         {.library = "libsystemd-of-nobody.so.0", .manager = mute.path(), .runs = "/"},
         errc::unavailable,
         "cannot use libsystemd: libsystemd-of-nobody.so.0: cannot open shared object file: No such file or "
         "directory"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        milliseconds left{300};
        systemd_bus bus{row.options};
        const auto scope = bus.open_scope({"powerconsul-web-1", "a job", {1}}, left);
        REQUIRE_FALSE(scope.has_value());
        CHECK(scope.error().code == row.code);
        CHECK(scope.error().message.starts_with(row.reason));
        CHECK((left.count == 0) == (row.code == errc::timed_out));
    }
}
