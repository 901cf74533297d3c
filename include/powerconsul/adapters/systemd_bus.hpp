#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <dlfcn.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/scope_maker.hpp>
#include <powerconsul/ports/unit_source.hpp>

namespace powerconsul::inline v0 {

namespace detail {

/// The functions of libsystemd that are used. It is loaded when a unit is asked for rather than linked: with its own
/// dependencies (libgcrypt, libzstd, liblzma, ...) it takes as long to load as a whole short run without it.
struct sd_bus_functions {
    decltype(&::sd_bus_new) make{};
    decltype(&::sd_bus_set_address) set_address{};
    decltype(&::sd_bus_set_bus_client) set_bus_client{};
    decltype(&::sd_bus_start) start{};
    decltype(&::sd_bus_is_ready) is_ready{};
    decltype(&::sd_bus_process) process{};
    decltype(&::sd_bus_wait) wait{};
    decltype(&::sd_bus_call) call{};
    decltype(&::sd_bus_close_unref) close{};
    decltype(&::sd_bus_error_free) error_free{};
    decltype(&::sd_bus_message_new_method_call) new_call{};
    decltype(&::sd_bus_get_fd) descriptor{};
    decltype(&::sd_bus_message_append) append_all{};
    decltype(&::sd_bus_message_append_array) append_array{};
    decltype(&::sd_bus_message_open_container) open{};
    decltype(&::sd_bus_message_close_container) shut{};
    decltype(&::sd_bus_message_append_basic) append{};
    decltype(&::sd_bus_message_append_strv) append_list{};
    decltype(&::sd_bus_message_enter_container) enter{};
    decltype(&::sd_bus_message_exit_container) leave{};
    decltype(&::sd_bus_message_peek_type) peek{};
    decltype(&::sd_bus_message_skip) skip{};
    decltype(&::sd_bus_message_read_basic) read{};
    decltype(&::sd_bus_message_unref) message_unref{};

    /// Libraries are not made to be unloaded, so this one never is. Fails with errc::unavailable if it is not installed
    /// or too old.
    [[nodiscard]] static auto load(const std::string& library) -> result<sd_bus_functions> {
        void* const loaded = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
        sd_bus_functions all;
        const bool complete =
            loaded != nullptr && find(loaded, "sd_bus_new", all.make) &&
            find(loaded, "sd_bus_set_address", all.set_address) &&
            find(loaded, "sd_bus_set_bus_client", all.set_bus_client) && find(loaded, "sd_bus_start", all.start) &&
            find(loaded, "sd_bus_is_ready", all.is_ready) && find(loaded, "sd_bus_process", all.process) &&
            find(loaded, "sd_bus_wait", all.wait) && find(loaded, "sd_bus_call", all.call) &&
            find(loaded, "sd_bus_close_unref", all.close) && find(loaded, "sd_bus_error_free", all.error_free) &&
            find(loaded, "sd_bus_message_new_method_call", all.new_call) &&
            find(loaded, "sd_bus_get_fd", all.descriptor) && find(loaded, "sd_bus_message_append", all.append_all) &&
            find(loaded, "sd_bus_message_append_array", all.append_array) &&
            find(loaded, "sd_bus_message_open_container", all.open) &&
            find(loaded, "sd_bus_message_close_container", all.shut) &&
            find(loaded, "sd_bus_message_append_basic", all.append) &&
            find(loaded, "sd_bus_message_append_strv", all.append_list) &&
            find(loaded, "sd_bus_message_enter_container", all.enter) &&
            find(loaded, "sd_bus_message_exit_container", all.leave) &&
            find(loaded, "sd_bus_message_peek_type", all.peek) && find(loaded, "sd_bus_message_skip", all.skip) &&
            find(loaded, "sd_bus_message_read_basic", all.read) &&
            find(loaded, "sd_bus_message_unref", all.message_unref);
        if (complete) return all;
        const char* const why = ::dlerror();  // NOLINT(concurrency-mt-unsafe): each thread has its own
        return fail(errc::unavailable, "cannot use libsystemd: " + std::string{why == nullptr ? library : why});
    }

private:
    template <typename Function>
    [[nodiscard]] static auto find(void* library, const char* name, Function& function) -> bool {
        function = reinterpret_cast<Function>(::dlsym(library, name));
        return function != nullptr;
    }
};

}  // namespace detail

struct systemd_bus_options {
    std::string library{"libsystemd.so.0"};
    /// systemd's own socket, which answers only root and needs no bus; not asked if empty.
    std::string manager{::geteuid() == 0 ? "/run/systemd/private" : ""};
    std::string system_bus{"/run/dbus/system_bus_socket"};
    std::string runs{"/run/systemd/system"};  ///< is there where systemd runs; see sd_booted(3)
};

/// Asks systemd over D-Bus, as `systemctl show` does: root at systemd's own socket and, if that cannot be reached, at
/// the system bus, where all other users ask. Connects for each question. Scopes are made at systemd's own socket only.
/// Models `unit_source` and `scope_maker`; reads no environment variables. One object serves one thread at a time.
class systemd_bus {
public:
    explicit systemd_bus(systemd_bus_options options = {}) : options_{std::move(options)} {}

    [[nodiscard]] auto ask(std::string_view unit, milliseconds& left) -> result<unit_state> {
        return within(left, [&](sd_bus* bus, milliseconds end) { return state_of(bus, unit, end); });
    }

    [[nodiscard]] auto matching(std::string_view pattern, milliseconds& left) -> result<std::vector<unit_state>> {
        return within(left, [&](sd_bus* bus, milliseconds end) { return states_of(bus, std::string{pattern}, end); });
    }

    [[nodiscard]] auto open_scope(const wanted_scope& wanted, milliseconds& left) -> result<std::string> {
        if (options_.manager.empty() || ::access(options_.runs.c_str(), F_OK) != 0) {
            return fail(errc::unsupported, "scopes are for root where systemd runs");
        }
        systemd_bus manager{*this};
        manager.options_.system_bus.clear();
        return manager.within(left, [&](sd_bus* bus, milliseconds end) { return manager.scope_for(bus, wanted, end); });
    }

private:
    static constexpr const char* systemd = "org.freedesktop.systemd1";

    /// Owns an object of libsystemd; `drop` releases it.
    template <typename T>
    struct held {
        explicit held(T* (*drop)(T*)) : drop_{drop} {}
        held(const held&) = delete;
        auto operator=(const held&) -> held& = delete;
        ~held() { static_cast<void>(drop_(value)); }  // all of them take a null pointer

        T* value{};

    private:
        T* (*drop_)(T*);
    };

    struct bus_error {
        explicit bus_error(decltype(&::sd_bus_error_free) drop) : drop_{drop} {}
        bus_error(const bus_error&) = delete;
        auto operator=(const bus_error&) -> bus_error& = delete;
        ~bus_error() { drop_(&value); }

        sd_bus_error value{};

    private:
        decltype(&::sd_bus_error_free) drop_;
    };

    [[nodiscard]] static auto failure(std::string_view what, int number) -> unexpected {
        if (number == -ETIMEDOUT) return fail(errc::timed_out, "systemd did not answer in time");
        return fail(errc::unavailable, "cannot " + std::string{what} + ": " + std::generic_category().message(-number));
    }

    template <typename Question>
    [[nodiscard]] auto within(milliseconds& left, Question&& question) -> decltype(question(nullptr, left)) {
        const auto started = clock_.monotonic();
        auto answer = ask_until(started + left, question);
        left = left - shorter(left, clock_.monotonic() - started);
        return answer;
    }

    template <typename Question>
    [[nodiscard]] auto ask_until(milliseconds end, Question& question) -> decltype(question(nullptr, end)) {
        if (!sd_) {
            auto loaded = detail::sd_bus_functions::load(options_.library);
            if (!loaded) return unexpected{std::move(loaded).error()};
            sd_ = *loaded;
        }
        held<sd_bus> bus{sd_->close};
        int connected = -ENOENT;
        if (!options_.manager.empty()) connected = connect(bus.value, options_.manager, false, end);
        if (connected < 0 && connected != -ETIMEDOUT && !options_.system_bus.empty()) {
            sd_->close(std::exchange(bus.value, nullptr));
            connected = connect(bus.value, options_.system_bus, true, end);
        }
        if (connected < 0) return failure("connect to systemd", connected);
        return question(bus.value, end);
    }

    [[nodiscard]] auto microseconds_left(milliseconds end) const -> std::uint64_t {
        const auto left = (end - clock_.monotonic()).count;
        return left > 0 ? static_cast<std::uint64_t>(left) * 1000 : 0;
    }

    /// Connects and waits until the bus takes messages, which sd_bus_call would wait for without regard to its own time
    /// limit. Returns a negative errno on failure, which is -ETIMEDOUT at `end`. `client` is true for a bus, false for
    /// systemd's own socket.
    [[nodiscard]] auto connect(sd_bus*& bus, const std::string& path, bool client, milliseconds end) const -> int {
        if (const int made = sd_->make(&bus); made < 0) return made;
        if (const int set = sd_->set_address(bus, ("unix:path=" + path).c_str()); set < 0) return set;
        if (const int set = sd_->set_bus_client(bus, client ? 1 : 0); set < 0) return set;
        if (const int started = sd_->start(bus); started < 0) return started;
        for (;;) {
            if (const int ready = sd_->is_ready(bus); ready != 0) return ready;
            const int done = sd_->process(bus, nullptr);
            if (done < 0) return done;
            if (done > 0) continue;
            const auto left = microseconds_left(end);
            if (left == 0) return -ETIMEDOUT;
            if (const int woken = sd_->wait(bus, left); woken < 0 && woken != -EINTR) return woken;
        }
    }

    /// Asks for all properties of all the unit's interfaces: they are of one moment, and `systemctl show` asks so, too.
    /// Like it, this makes systemd load the unit.
    [[nodiscard]] auto state_of(sd_bus* bus, std::string_view unit, milliseconds end) const -> result<unit_state> {
        held<sd_bus_message> question{sd_->message_unref};
        held<sd_bus_message> reply{sd_->message_unref};
        int done = sd_->new_call(bus, &question.value, systemd, unit_path(unit).c_str(),
                                 "org.freedesktop.DBus.Properties", "GetAll");
        if (done >= 0) done = sd_->append(question.value, 's', "");
        if (done < 0) return failure("ask systemd", done);
        if (auto called = call(bus, question.value, reply.value, end); !called) return unexpected{called.error()};
        unit_state state;
        done = sd_->enter(reply.value, 'a', "{sv}");
        while (done > 0 && (done = sd_->enter(reply.value, 'e', "sv")) > 0) {
            done = read_property(reply.value, state);
            if (done >= 0) done = sd_->leave(reply.value);
        }
        if (done < 0) return failure("read systemd's answer", done);
        if (state.load.empty() || state.active.empty() || state.sub.empty()) {
            return fail(errc::bad_data, "systemd answers without a state of the unit");
        }
        return state;
    }

    [[nodiscard]] auto states_of(sd_bus* bus, std::string pattern, milliseconds end) const
        -> result<std::vector<unit_state>> {
        held<sd_bus_message> question{sd_->message_unref};
        held<sd_bus_message> reply{sd_->message_unref};
        int done = sd_->new_call(bus, &question.value, systemd, "/org/freedesktop/systemd1",
                                 "org.freedesktop.systemd1.Manager", "ListUnitsByPatterns");
        char* any_state[] = {nullptr};
        char* patterns[] = {pattern.data(), nullptr};
        if (done >= 0) done = sd_->append_list(question.value, any_state);
        if (done >= 0) done = sd_->append_list(question.value, patterns);
        if (done < 0) return failure("ask systemd", done);
        if (auto called = call(bus, question.value, reply.value, end); !called) return unexpected{called.error()};
        std::vector<unit_state> states;
        done = sd_->enter(reply.value, 'a', "(ssssssouso)");
        while (done > 0 && (done = sd_->enter(reply.value, 'r', "ssssssouso")) > 0) {
            std::string name;
            done = read_text(reply.value, 's', name);
            if (done > 0) done = sd_->skip(reply.value, "sssssouso");
            if (done >= 0) done = sd_->leave(reply.value);
            if (done < 0) break;
            auto state = state_of(bus, name, end);
            if (!state) return unexpected{std::move(state).error()};
            states.push_back(*std::move(state));
        }
        if (done < 0) return failure("read systemd's answer", done);
        return states;
    }

    /// Tries names until there is no unit of that name: a daemon of an earlier job may live on in the first one.
    [[nodiscard]] auto scope_for(sd_bus* bus, const wanted_scope& wanted, milliseconds end) const
        -> result<std::string> {
        // Process numbers mean something else to a manager outside of our PID namespace, whose number would be 0 here.
        ucred peer{};
        socklen_t size = sizeof peer;
        if (::getsockopt(sd_->descriptor(bus), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid != 1) {
            return fail(errc::unavailable, "the systemd that answers is not that of this PID namespace");
        }
        const std::string first = scope_name(wanted.name);
        const std::string suffix = wanted.processes.empty() ? "" : '-' + std::to_string(wanted.processes.front());
        for (const auto& tried : {first, first + suffix, first + suffix + "-2"}) {
            const std::string unit = tried + ".scope";
            auto started = start_scope(bus, unit, wanted, end);
            if (started) started = wait_for(unit, wanted, end);
            if (started) return unit;
            if (started.error().code != errc::failed) return unexpected{std::move(started).error()};
        }
        return fail(errc::unavailable, "systemd has units of the names " + first + suffix + " and alike already");
    }

    /// Fails with errc::failed if there is a unit of that name.
    [[nodiscard]] auto start_scope(sd_bus* bus, const std::string& unit, const wanted_scope& wanted,
                                   milliseconds end) const -> result<void> {
        held<sd_bus_message> question{sd_->message_unref};
        held<sd_bus_message> reply{sd_->message_unref};
        int done = sd_->new_call(bus, &question.value, systemd, "/org/freedesktop/systemd1",
                                 "org.freedesktop.systemd1.Manager", "StartTransientUnit");
        auto* const message = question.value;
        const auto then = [&](auto* next, auto... with) {
            if (done >= 0) done = next(message, with...);
        };
        then(sd_->append_all, "ss", unit.c_str(), "fail");
        then(sd_->open, 'a', "(sv)");
        then(sd_->append_all, "(sv)", "Description", "s", wanted.about.c_str());
        then(sd_->append_all, "(sv)", "CollectMode", "s", "inactive-or-failed");
        then(sd_->open, 'r', "sv");
        then(sd_->append_all, "s", "PIDs");
        then(sd_->open, 'v', "au");
        then(sd_->append_array, 'u', wanted.processes.data(), wanted.processes.size() * sizeof(std::uint32_t));
        for (int i = 0; i < 3; ++i) then(sd_->shut);
        then(sd_->append_all, "a(sa(sv))", 0U);
        if (done < 0) return failure("ask systemd", done);
        return call(bus, message, reply.value, end);
    }

    /// systemd moves the processes after it has answered.
    [[nodiscard]] auto wait_for(const std::string& unit, const wanted_scope& wanted, milliseconds end) const
        -> result<void> {
        const auto is_in = [&](std::uint32_t pid) {
            const auto groups = posix_files{}.read("/proc/" + std::to_string(pid) + "/cgroup", std::size_t{64} << 10U);
            return groups && *groups && (*groups)->find('/' + unit + '\n') != std::string::npos;
        };
        while (!algo::all_of(wanted.processes, is_in)) {
            if (microseconds_left(end) == 0) return fail(errc::timed_out, "systemd did not fill " + unit + " in time");
            clock_.sleep({2});
        }
        return {};
    }

    /// Escaped as systemd-escape does it, but for `-`. A unit's name has at most 255 bytes.
    [[nodiscard]] static auto scope_name(std::string_view wanted) -> std::string {
        constexpr std::size_t longest = 200;
        std::string name;
        for (const char c : wanted) {
            if (name.size() >= longest) break;
            name += ascii::is_alphanumeric(c) || std::string_view{":_.-"}.find(c) != std::string_view::npos
                        ? std::string(1, c)
                        : "\\x" + ascii::hexadecimal(static_cast<unsigned char>(c), 2);
        }
        return name;
    }

    /// The object path of a unit, in which systemd writes every byte that is no letter or digit as _xx.
    [[nodiscard]] static auto unit_path(std::string_view unit) -> std::string {
        std::string path = "/org/freedesktop/systemd1/unit/";
        for (std::size_t i = 0; i < unit.size(); ++i) {
            const char c = unit[i];
            const bool plain = ascii::is_alphanumeric(c) && (i > 0 || !ascii::is_digit(c));
            path += plain ? std::string(1, c) : '_' + ascii::hexadecimal(static_cast<unsigned char>(c), 2);
        }
        return path;
    }

    /// Reads a name and a variant. Returns a negative errno on failure.
    [[nodiscard]] auto read_property(sd_bus_message* reply, unit_state& state) const -> int {
        std::string name;
        if (const int read = read_text(reply, 's', name); read <= 0) return read < 0 ? read : -EBADMSG;
        if (!is_one_of(name, unit_properties)) return sd_->skip(reply, "v");
        const char* contents = nullptr;
        int done = sd_->peek(reply, nullptr, &contents);
        if (done < 0) return done;
        const std::string type = contents == nullptr ? "" : contents;
        done = sd_->enter(reply, 'v', contents);
        if (done < 0) return done;
        done = type == commands_type ? read_commands(reply, name, state) : read_value(reply, type, name, state);
        return done < 0 ? done : sd_->leave(reply);
    }

    [[nodiscard]] auto read_value(sd_bus_message* reply, const std::string& type, const std::string& name,
                                  unit_state& state) const -> int {
        std::string value;
        std::uint32_t number = 0;
        std::uint64_t large = 0;
        int done = type == "s"    ? read_text(reply, 's', value)
                   : type == "as" ? read_words(reply, value)
                   : type == "u"  ? sd_->read(reply, 'u', &number)
                   : type == "t"  ? sd_->read(reply, 't', &large)
                                  : sd_->skip(reply, type.c_str());
        if (type == "u" || type == "t") value = std::to_string(number + large);
        if (done >= 0 && !set_property(state, name, value)) done = -EBADMSG;
        return done;
    }

    /// One command is its path, its words, whether its failure is ignored, and how it ended the last time.
    static constexpr const char* commands_type = "a(sasbttttuii)";

    [[nodiscard]] auto read_commands(sd_bus_message* reply, const std::string& name, unit_state& state) const -> int {
        int done = sd_->enter(reply, 'a', "(sasbttttuii)");
        while (done > 0 && (done = sd_->enter(reply, 'r', "sasbttttuii")) > 0) {
            std::string words;
            done = sd_->skip(reply, "s");
            if (done >= 0) done = read_words(reply, words);
            if (done >= 0) done = sd_->skip(reply, "bttttuii");
            if (done >= 0) done = sd_->leave(reply);
            if (done >= 0) static_cast<void>(set_property(state, name, words));
        }
        return done < 0 ? done : sd_->leave(reply);
    }

    /// Reads a list of texts and joins them by blanks.
    [[nodiscard]] auto read_words(sd_bus_message* reply, std::string& words) const -> int {
        int done = sd_->enter(reply, 'a', "s");
        std::string word;
        while (done > 0 && (done = read_text(reply, 's', word)) > 0) words += (words.empty() ? "" : " ") + word;
        return done < 0 ? done : sd_->leave(reply);
    }

    [[nodiscard]] auto call(sd_bus* bus, sd_bus_message* question, sd_bus_message*& reply, milliseconds end) const
        -> result<void> {
        // libsystemd takes 0 not as a limit but as its default.
        const auto left = microseconds_left(end);
        if (left == 0) return failure("ask systemd", -ETIMEDOUT);
        bus_error said{sd_->error_free};
        const int done = sd_->call(bus, question, left, &said.value, &reply);
        if (done >= 0) return {};
        if (done == -ETIMEDOUT || said.value.message == nullptr) return failure("ask systemd", done);
        const bool exists = said.value.name == std::string_view{"org.freedesktop.systemd1.UnitExists"};
        return fail(exists ? errc::failed : errc::unavailable, "systemd answers: " + one_line(said.value.message, 120));
    }

    /// Returns 1, 0 if there is nothing left to read, or a negative errno.
    [[nodiscard]] auto read_text(sd_bus_message* reply, char type, std::string& value) const -> int {
        const char* text = nullptr;
        const int read = sd_->read(reply, type, &text);
        if (read > 0) value = text;
        return read;
    }

    systemd_bus_options options_;
    posix_clock clock_{};
    std::optional<detail::sd_bus_functions> sd_{};
};

static_assert(unit_source<systemd_bus> && scope_maker<systemd_bus>);

}  // namespace powerconsul::inline v0
