#pragma once

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <span>
#include <system_error>
#include <thread>
#include <utility>

#include <unistd.h>

#include <powerconsul/adapters/httplib/client.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/adapters/thread_runner.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/transport.hpp>
#include <powerconsul/ports/web_client.hpp>

namespace powerconsul::inline v0 {

using httplib_options = consul_access;

/// Carries requests with cpp-httplib. GET requests share one connection that is kept open; if the other side has closed
/// it in the meantime, a GET is sent once more on a new one. Other methods get a new connection each and are never
/// repeated. A request's timeout bounds everything, name resolution included. The same object must not be used from
/// two threads at a time.
class httplib_transport {
public:
    static constexpr bool has_tls = detail::has_tls;

    /// Checks the options without connecting. `peer` stands before the address in messages. Fails with
    /// errc::configuration.
    [[nodiscard]] static auto create(httplib_options options, std::string_view peer = "Consul at ")
        -> result<httplib_transport> {
        auto where = parse_address(options.address);
        if (!where) return unexpected{std::move(where).error()};
        httplib_transport made{std::move(options), *std::move(where), peer};
        const auto& chosen = made.options_;
        if (auto sound = check_access(chosen); !sound) return unexpected{std::move(sound).error()};
        for (const auto& file : {chosen.ca_file, chosen.ca_path, chosen.client_cert, chosen.client_key}) {
            if (!file.empty() && ::access(file.c_str(), R_OK) != 0) {
                return fail(errc::configuration, "cannot read " + quoted(file) + ", which TLS with Consul needs: " +
                                                     std::generic_category().message(errno));
            }
        }
        if (made.where_.scheme != address_scheme::https) return made;
        if (!has_tls) {
            return fail(errc::configuration, made.name_ + " needs TLS, which this build of cpp-httplib does not have");
        }
        if (chosen.ca_file.empty() && !chosen.ca_path.empty()) {
            auto found = authorities_in(chosen.ca_path);
            if (!found) return unexpected{std::move(found).error()};
            made.authorities_ = std::move(*found);
        }
        auto first = made.connect(1);
        if (!first) return unexpected{std::move(first).error()};
        made.kept_ = std::move(first->front());
        return made;
    }

    [[nodiscard]] auto scope() const -> consul_scope { return {options_.name_space, options_.partition}; }

    [[nodiscard]] auto perform(const http_request& request) -> result<http_response> {
        return std::move(perform_all({&request, 1}).front());
    }

    /// Several requests get a connection and a thread each, at most 64 at the same time. Those threads leave signals to
    /// the program's own.
    [[nodiscard]] auto perform_all(std::span<const http_request> requests) -> std::vector<result<http_response>> {
        const auto started = detail::steady::now();
        std::vector<result<http_response>> answers;
        if (requests.size() == 1) {
            answers.push_back(single(requests.front(), started));
            return answers;
        }
        auto connections = connect(requests.size());
        answers.resize(requests.size(), unreached(connections ? "" : connections.error().message));
        if (!connections) return answers;
        thread_runner{64}.run(requests.size(), [&, caller = std::this_thread::get_id()](std::size_t i) {
            sigset_t all;
            ::sigfillset(&all);
            if (std::this_thread::get_id() != caller) ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
            answers[i] = exchange(requests[i], *(*connections)[i], started).value;
            (*connections)[i].reset();
        });
        return answers;
    }

private:
    using connection = std::unique_ptr<detail::bounded_client>;

    struct answer {
        result<http_response> value;
        bool stale{};  ///< a kept connection ended before anything came
    };

    httplib_transport(httplib_options options, address where, std::string_view peer)
        : options_{std::move(options)}, where_{std::move(where)}, name_{std::string{peer} + to_string(where_)} {}

    [[nodiscard]] auto single(const http_request& request, detail::steady::time_point started)
        -> result<http_response> {
        for (;;) {
            if (!kept_) {
                auto made = connect(1);
                if (!made) return unreached(made.error().message);
                kept_ = std::move(made->front());
            }
            if (request.method != http_method::get) kept_->stop();
            auto got = exchange(request, *kept_, started);
            if (!got.value) kept_.reset();
            const bool late = detail::steady::now() >= started + detail::in_chrono(request.timeout);
            if (!got.stale || request.method != http_method::get || late) return std::move(got.value);
        }
    }

    // --- connections ---

    /// Reads every certificate of every file, as Consul's own program does; OpenSSL itself would look only at files
    /// that are named after hashes.
    [[nodiscard]] static auto authorities_in(const std::string& directory) -> result<std::string> {
        constexpr std::size_t most = 4096;
        constexpr std::size_t limit = 4 * 1024 * 1024;
        const posix_files files;
        const auto names = files.list(directory, most);
        if (!names) return fail(errc::configuration, names.error().message);
        std::string found;
        for (const auto& name : names->value_or(std::vector<std::string>{})) {
            const auto file = files.read_named(directory + '/' + name, limit);
            // Directories and devices are passed over, but a file that cannot be read may be the one that is needed.
            if (!file && file.error().code != errc::bad_data) return fail(errc::configuration, file.error().message);
            if (file && *file) found += pem_certificates((*file)->bytes);
        }
        if (!found.empty()) return found;
        return fail(errc::configuration, "no file in " + quoted(directory) + " holds a certificate in PEM form");
    }

    /// Makes connection objects; their sockets are opened with the first request. Certificate files are read anew, so
    /// that a replaced certificate takes effect. Fails with errc::configuration if they cannot be used.
    [[nodiscard]] auto connect(std::size_t count) const -> result<std::vector<connection>> {
        std::optional<detail::tls_context> tls;
        if (where_.scheme == address_scheme::https) {
            auto made = detail::tls_context::create(options_, server_name(), authorities_);
            if (!made) return unexpected{std::move(made).error()};
            tls = std::move(*made);
        }
        std::vector<connection> all;
        for (std::size_t i = 0; i < count; ++i) {
            all.push_back(
                std::make_unique<detail::bounded_client>(where_, tls, detail::in_chrono(options_.connect_timeout)));
        }
        return all;
    }

    /// The name that the other side's certificate must be for.
    [[nodiscard]] auto server_name() const -> const std::string& {
        return options_.tls_server_name.empty() ? where_.host : options_.tls_server_name;
    }

    // --- exchanges ---

    [[nodiscard]] auto host_header() const -> std::string {
        const bool https = where_.scheme == address_scheme::https;
        if (where_.scheme == address_scheme::unix_socket) return "localhost";
        const auto& name = https ? server_name() : where_.host;
        const std::string host = name.find(':') == std::string::npos ? name : '[' + name + ']';
        return where_.port == (https ? 443 : 80) ? host : host + ':' + std::to_string(where_.port);
    }

    /// The request's time counts from `started`.
    [[nodiscard]] auto exchange(const http_request& request, detail::bounded_client& client,
                                detail::steady::time_point started) const -> answer {
        if (!well_formed(request.target)) {
            return {fail(errc::failed, "the request for " + quoted(request.target) + " is not percent-encoded")};
        }
        detail::httplib_exchange job{client, options_.max_body};
        job.request.method = to_string(request.method);
        job.request.path = scoped_target(request.target, options_);
        job.request.body = request.body;
        job.request.headers.emplace("Host", host_header());
        if (!request.body.empty()) job.request.headers.emplace("Content-Type", "application/json");
        if (!options_.token.empty()) job.request.headers.emplace("X-Consul-Token", options_.token);
        if (auto value = authorization(options_); !value.empty()) {
            job.request.headers.emplace("Authorization", std::move(value));
        }
        client.head = {};
        client.limits = {};
        client.limits.deadline = started + detail::in_chrono(request.timeout);
        client.limits.connect_by =
            std::min(client.limits.deadline, detail::steady::now() + detail::in_chrono(options_.connect_timeout));
        client.limits.no_delay = !request.body.empty() || where_.scheme == address_scheme::https;
        // cpp-httplib returns to this after a wait for `100 Continue`. It is too long to matter: the deadline ends an
        // exchange.
        client.set_read_timeout(detail::in_chrono(request.timeout + seconds(1)));
        job.send();
        return judged(request, job);
    }

    [[nodiscard]] static auto well_formed(std::string_view target) -> bool {
        if (target.empty() || target.front() != '/') return false;
        return algo::all_of(target, [](char c) { return c > 0x20 && c < 0x7F; });
    }

    // --- outcomes ---

    [[nodiscard]] auto judged(const http_request& request, detail::httplib_exchange& job) const -> answer {
        using cause = detail::httplib_exchange::cause;
        using problem = httplib::Error;
        // A filter is long, and follows from the rest.
        const std::string asked =
            "the request for " + one_line(request.target.substr(0, request.target.find("&filter=")), 200);
        const auto odd = [&](const std::string& what) -> answer {
            return {fail(errc::bad_data, name_ + " answers " + asked + " with " + what)};
        };
        switch (job.stopped) {
            case cause::overdue:
                // The message does not name the time: what was left of it differs from call to call, and a check
                // prints this text.
                return {fail(errc::timed_out, name_ + " did not answer " + asked + " in time")};
            case cause::too_large:
                return odd("more than the " + std::to_string(options_.max_body) + " bytes that are taken");
            case cause::flooded:
                return odd("more headers than the " + std::to_string(detail::head_limits::header_limit) +
                           " bytes that are taken; is this its HTTP port?");
            case cause::overlong:
                return odd("a line of more than the " + std::to_string(detail::head_limits::line_limit) +
                           " bytes that are taken before the body; is this its HTTP port?");
            case cause::malformed: return odd("a Content-Length that is no number");
            case cause::none: break;
        }
        if (job.ok) {
            http_response response{job.response.status, std::move(job.body), {}};
            for (const auto& [name, value] : job.response.headers) response.headers.push_back({name, value});
            return {std::move(response)};
        }

        const bool tls = where_.scheme == address_scheme::https;
        const auto& limits = job.client.limits;
        const auto& head = job.client.head;
        const bool reused = limits.opened == 0;
        if (const auto& why = job.client.complaint; !why.empty()) {
            return {unreached("its certificate is not for " + quoted(server_name()) +
                              " or not from a known authority (" + why +
                              "); set the CA file, and the TLS server name if the certificate has another one")};
        }
        switch (job.error) {
            case problem::Connection:
                return {unreached(reused ? "the host name has no address; check the address"
                                         : connect_failure(limits.connect_error))};
            case problem::ConnectionTimeout:
                return {unreached("no connection in time; is the address right and the agent running?")};
            case problem::SSLConnection: return {unreached("the TLS handshake failed; is this its HTTPS port?")};
            default: break;
        }
        if (head.answered || (head.speaks_http && limits.ended)) {
            return {fail(errc::unavailable, name_ + " broke off its answer to " + asked + "; try again")};
        }
        if (head.received > 0) {
            if (head.speaks_http) return {odd("a malformed status line or header").value, reused};
            const std::string what = "what answers as " + name_ + " does not speak HTTP; is this its HTTP port?";
            return {fail(errc::bad_data, what), reused};
        }
        return {fail(errc::unavailable,
                     name_ + " closed the connection without an answer to " + asked +
                         (tls ? "; if it asks for a client certificate, set one and its key" : "; try again")),
                reused};
    }

    [[nodiscard]] auto unreached(std::string_view why) const -> unexpected {
        return fail(errc::unavailable, "cannot reach " + name_ + ": " + std::string{why});
    }

    /// Describes the errno of a failed connect(). EINPROGRESS hides the reason, which mostly comes later than
    /// connect(); on the loopback it can only be a refusal.
    [[nodiscard]] auto connect_failure(int number) const -> std::string_view {
        const bool loopback = where_.host.starts_with("127.") || where_.host == "::1" || where_.host == "localhost";
        if (number == EINPROGRESS && loopback) number = ECONNREFUSED;
        switch (number) {
            case ECONNREFUSED: return "connection refused; is the agent running?";
            case ENOENT: return "there is no such socket; is the agent running?";
            case EACCES:
            case EPERM: return "permission denied; may this user open the socket?";
            case ENETUNREACH:
            case EHOSTUNREACH: return "there is no route to the host; check the address and the network";
            default: return "connection refused or host unreachable; is the address right and the agent running?";
        }
    }

    httplib_options options_;
    address where_;
    std::string name_;
    std::string authorities_{};  ///< of ca_path, in PEM form; empty if ca_file or the system's are used
    connection kept_{};
};

static_assert(parallel_http_transport<httplib_transport>);

/// Asks web servers with cpp-httplib, with the same limits as for Consul. Certificates are verified against the
/// system's authorities.
class httplib_web {
public:
    [[nodiscard]] auto get(const std::string& origin, const std::string& target, milliseconds timeout) const
        -> result<int> {
        auto server = httplib_transport::create({.address = origin}, "");
        if (!server) return unexpected{std::move(server).error()};
        return server->perform({http_method::get, target, {}, timeout}).transform([](const http_response& answer) {
            return answer.status;
        });
    }
};

static_assert(web_client<httplib_web>);

}  // namespace powerconsul::inline v0
