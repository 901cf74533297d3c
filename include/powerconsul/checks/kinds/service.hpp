#pragma once

#include <powerconsul/checks/kinds/kind.hpp>
#include <powerconsul/probes/service/service.hpp>
#include <powerconsul/probes/side_by_side.hpp>

namespace powerconsul::inline v0::checks {

inline constexpr option service_manager_option{
    0, "service-manager", "NAME", "systemd, sysv or openrc (default: what this machine runs)", false, true};
inline constexpr option init_directory_option{
    0, "init-directory", "DIR", "where init scripts stand (default /etc/init.d)", false, true};

inline constexpr option ignore_option{
    0, "ignore", "NAME,NAME,…", "parts that need not run: instances of the unit, or as the init script names them"};

/// The names in a list with commas; blanks around a name are not part of it.
[[nodiscard]] inline auto names_in(std::string_view list) -> std::vector<std::string> {
    std::vector<std::string> names;
    for (const auto part : split(list, ',')) names.emplace_back(trimmed(part, " "));
    return names;
}

/// Fails with errc::usage if --ignore was given and holds an empty name.
[[nodiscard]] inline auto validate_ignored(const std::vector<std::string>& names, const kind_words& kind)
    -> result<void> {
    if (algo::find(names, std::string{}) == names.end()) return {};
    return fail(errc::usage, "--ignore: a name is empty" + see_help(kind));
}

/// Does a local service run?
struct service {
    static constexpr kind_words words{
        .name = "service",
        .about = "is the local service as its role demands",
        .required = "-s <local service> -S <Consul service>",
        .example = "powerconsul check service -s apache2 -S apacheWebService",
        .asks_service_manager = true,
    };
    static constexpr std::array options{
        option{'s', "service", "NAME", "the local service, as the service manager calls it"},
        service_manager_option,
        init_directory_option,
        ignore_option,
    };

    std::string name{};                  ///< as the service manager calls it
    std::string init_directory{};        ///< that of the circumstances if empty
    std::vector<std::string> ignored{};  ///< as in service_probe_options

    [[nodiscard]] static auto from(const given_options auto& given) -> service {
        service made{given.value("service").value_or(""), given.value("init-directory").value_or("")};
        if (const auto names = given.value("ignore")) made.ignored = names_in(*names);
        return made;
    }

    [[nodiscard]] auto valid() const -> result<void> {
        if (name.empty()) return missing("-s/--service", words);
        auto valid = validate_local_service(name);
        if (!valid) return fail(errc::usage, "-s/--service: " + valid.error().message);
        return validate_ignored(ignored, words);
    }

    [[nodiscard]] auto subject() const -> check_subject { return {.kind = std::string{words.name}, .name = name}; }

    [[nodiscard]] static auto looks_aside() -> bool { return true; }

    [[nodiscard]] auto look(auto& here, const circumstances& now) const -> observed {
        return look_within(here, now, now.deadline - here.clock.monotonic());
    }

    /// The probe may ask two programs one after the other, and each may need its grace to end: each gets two fifths of
    /// `time`.
    [[nodiscard]] auto look_within(auto& here, const circumstances& now, milliseconds time) const -> observed {
        const auto manager = now.manager ? result{*now.manager} : detect_service_manager(here.files);
        if (!manager) return {observation::unknown, manager.error().message, manager.error().remedy};
        if (time.count <= 100) return no_time_left;
        service_probe_options how{.name = name, .manager = *manager, .timeout = {time.count * 2 / 5}};
        how.init_directory = init_directory.empty() ? now.init_directory : init_directory;
        how.ignored = ignored;
        return service_probe{std::move(how), here.programs, here.files, here.clock, here.units}();
    }
};

/// Do several local services run, all or none of them?
struct servicegroup {
    static constexpr kind_words words{
        .name = "servicegroup",
        .about = "are several local services as their role demands",
        .required = "-s <local service>,… -S <Consul service>",
        .example = "powerconsul check servicegroup -s apache2,php-fpm -S apacheWebService",
        .asks_service_manager = true,
    };
    static constexpr std::array options{
        option{'s', "service", "NAME,NAME,…", "the local services: all must run, or none may"},
        service_manager_option,
        init_directory_option,
        ignore_option,
    };
    static constexpr std::size_t most = 64;          ///< services in one group
    static constexpr std::size_t most_at_once = 16;  ///< services that are asked at the same time

    std::string names{};                 ///< separated by commas; blanks around a name are not part of it
    std::string init_directory{};        ///< that of the circumstances if empty
    std::vector<std::string> ignored{};  ///< as in service

    [[nodiscard]] static auto from(const given_options auto& given) -> servicegroup {
        auto one = service::from(given);
        return {std::move(one.name), std::move(one.init_directory), std::move(one.ignored)};
    }

    [[nodiscard]] auto members() const -> std::vector<std::string> { return names_in(names); }

    [[nodiscard]] auto valid() const -> result<void> {
        if (names.empty()) return missing("-s/--service", words);
        const auto all = members();
        for (auto each = all.begin(); each != all.end(); ++each) {
            if (auto valid = validate_local_service(*each); !valid) {
                return fail(errc::usage, "-s/--service: " + valid.error().message);
            }
            if (std::find(all.begin(), each, *each) == each) continue;
            return fail(errc::usage, "-s/--service names " + quoted(*each) + " twice" + see_help(words));
        }
        if (all.size() <= most) return validate_ignored(ignored, words);
        return fail(errc::usage, "-s/--service names " + std::to_string(all.size()) + " services, at most " +
                                     std::to_string(most) + " are taken");
    }

    [[nodiscard]] auto subject() const -> check_subject {
        return {.kind = std::string{words.name}, .name = names, .key = "services", .members = members()};
    }

    [[nodiscard]] static auto looks_aside() -> bool { return true; }

    [[nodiscard]] auto look(auto& here, const circumstances& now) const -> std::vector<observed> {
        const auto all = members();
        const auto rounds = static_cast<std::int64_t>((all.size() + most_at_once - 1) / most_at_once);
        const auto left = [&] { return now.deadline - here.clock.monotonic(); };
        const milliseconds each{left().count / rounds};
        const auto look_at = [&](const std::string& name) {
            return service{name, init_directory, ignored}.look_within(here, now, shorter(each, left()));
        };
        return side_by_side<decltype((look_at)), decltype((here.tasks))>{all, look_at, here.tasks}();
    }
};

}  // namespace powerconsul::inline v0::checks
