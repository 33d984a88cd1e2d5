// SPDX-License-Identifier: BSL-1.0
#pragma once

// The core: everything but the components, the I/O-free codecs (tidings/codec/) and the way in for
// a Beast server of one's own (tidings/http/beast.hpp), which brings Beast along.

#include <tidings/after_gap.hpp>
#include <tidings/authorizer.hpp>
#include <tidings/bus.hpp>
#include <tidings/control_event.hpp>
#include <tidings/decision.hpp>
#include <tidings/drain.hpp>
#include <tidings/errc.hpp>
#include <tidings/event.hpp>
#include <tidings/event_filter.hpp>
#include <tidings/event_json.hpp>
#include <tidings/event_ptr.hpp>
#include <tidings/explanation.hpp>
#include <tidings/history.hpp>
#include <tidings/http/client.hpp>
#include <tidings/http/server.hpp>
#include <tidings/log.hpp>
#include <tidings/metrics.hpp>
#include <tidings/outlet/access.hpp>
#include <tidings/outlet/live_session.hpp>
#include <tidings/outlet/sessions.hpp>
#include <tidings/outlet/stream_request.hpp>
#include <tidings/overflow.hpp>
#include <tidings/position.hpp>
#include <tidings/receipt.hpp>
#include <tidings/receiver.hpp>
#include <tidings/reply.hpp>
#include <tidings/rest/client.hpp>
#include <tidings/rest/service.hpp>
#include <tidings/rest_hook/client.hpp>
#include <tidings/rest_hook/manager.hpp>
#include <tidings/rest_hook/websub_hub.hpp>
#include <tidings/retained.hpp>
#include <tidings/sse/client.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/store/memory_history.hpp>
#include <tidings/store/memory_outbox.hpp>
#include <tidings/store/memory_table.hpp>
#include <tidings/store/outbox.hpp>
#include <tidings/store/table.hpp>
#include <tidings/subscriber.hpp>
#include <tidings/subscription.hpp>
#include <tidings/tap.hpp>
#include <tidings/topic.hpp>
#include <tidings/topic_handle.hpp>
#include <tidings/topic_rule.hpp>
#include <tidings/version.hpp>
#include <tidings/webhook/github.hpp>
#include <tidings/webhook/make_secret.hpp>
#include <tidings/webhook/no_signature.hpp>
#include <tidings/webhook/receiver.hpp>
#include <tidings/webhook/sender.hpp>
#include <tidings/webhook/shopify.hpp>
#include <tidings/webhook/signature.hpp>
#include <tidings/webhook/slack.hpp>
#include <tidings/webhook/standard.hpp>
#include <tidings/webhook/stripe.hpp>
#include <tidings/webhook/twilio.hpp>
#include <tidings/webhook/websub.hpp>
#include <tidings/websocket/client.hpp>
#include <tidings/websocket/service.hpp>

#include <boost/asio/io_context.hpp>
