#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include <powerconsul/ports/transport.hpp>

namespace powerconsul::inline v0 {

/// Any http_transport, chosen at run time: `any_transport{store{...}}` owns it, `any_transport::to(it)` refers to one
/// that must live longer. Can be moved, not copied. Parallel requests stay parallel where the held transport can.
class any_transport {
public:
    template <http_transport Transport>
        requires(!std::same_as<Transport, any_transport>)
    any_transport(Transport transport)  // NOLINT: implicit, so that it can be returned as what it holds
        : held_{std::make_unique<model<Transport>>(std::move(transport))} {}

    template <http_transport Transport>
    [[nodiscard]] static auto to(Transport& transport) -> any_transport {
        return any_transport{std::make_unique<model<Transport&>>(transport)};
    }

    [[nodiscard]] auto perform(const http_request& request) -> result<http_response> {
        if (!held_) return moved_from();
        return held_->perform(request);
    }
    [[nodiscard]] auto perform_all(const std::vector<http_request>& requests) -> std::vector<result<http_response>> {
        if (!held_) return {requests.size(), result<http_response>{moved_from()}};
        return held_->perform_all(requests);
    }
    [[nodiscard]] auto scope() const -> consul_scope { return held_ ? held_->scope() : consul_scope{}; }

private:
    struct interface {
        virtual ~interface() = default;
        virtual auto perform(const http_request& request) -> result<http_response> = 0;
        virtual auto perform_all(const std::vector<http_request>& requests) -> std::vector<result<http_response>> = 0;
        [[nodiscard]] virtual auto scope() const -> consul_scope = 0;
    };

    template <typename Transport>
    struct model final : interface {
        explicit model(Transport&& transport) : held{std::forward<Transport>(transport)} {}
        auto perform(const http_request& request) -> result<http_response> override { return held.perform(request); }
        auto perform_all(const std::vector<http_request>& requests) -> std::vector<result<http_response>> override {
            return v0::perform_all(held, requests);
        }
        [[nodiscard]] auto scope() const -> consul_scope override { return scope_of(held); }
        Transport held;
    };

    explicit any_transport(std::unique_ptr<interface> held) : held_{std::move(held)} {}

    static auto moved_from() -> unexpected {
        return fail(errc::usage, "this any_transport holds nothing: it was moved from; use the one it was moved to");
    }

    std::unique_ptr<interface> held_;
};

}  // namespace powerconsul::inline v0
