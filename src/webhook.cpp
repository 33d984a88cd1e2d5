// SPDX-License-Identifier: BSL-1.0
#include <tidings/webhook/impl/address_guard.ipp>
#include <tidings/webhook/impl/endpoint.ipp>
#include <tidings/webhook/impl/endpoint_registry.ipp>
#include <tidings/webhook/impl/endpoint_state.ipp>
#include <tidings/webhook/impl/endpoint_target.ipp>
#include <tidings/webhook/impl/make_secret.ipp>
#include <tidings/webhook/impl/message_maker.ipp>
#include <tidings/webhook/impl/receiver.ipp>
#include <tidings/webhook/impl/receiver_state.ipp>
#include <tidings/webhook/impl/retry_schedule.ipp>
#include <tidings/webhook/impl/sender.ipp>
#include <tidings/webhook/impl/sender_state.ipp>
#include <tidings/webhook/impl/sender_state_claim.ipp>
#include <tidings/webhook/impl/signature.ipp>
