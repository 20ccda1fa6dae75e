"""How people and product lines look in the API, and the bodies of what one can ask of them."""

from __future__ import annotations

from rest_framework import serializers

from apps.accounts.models import ApiToken, Membership, ProductLine, Role, User
from apps.core.api.serializers import UtcDateTimeField
from apps.core.serializers import Strict


class OwnMembershipSerializer(serializers.ModelSerializer[Membership]):
    tag = serializers.CharField(source="product_line.tag")

    class Meta:
        model = Membership
        fields = ["tag", "role"]
        read_only_fields = fields


class MeSerializer(serializers.ModelSerializer[User]):
    """The person who asks, and their roles on product lines. DBAs and SREs see the others too."""

    name = serializers.CharField(source="get_full_name")
    product_lines = OwnMembershipSerializer(source="memberships", many=True)

    class Meta:
        model = User
        fields = [
            "username", "name", "email", "is_dba", "is_sre", "language", "time_zone", "theme",
            "product_lines",
        ]  # fmt: skip
        read_only_fields = fields


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """A key without the key: it is shown once, when it is made."""

    created = UtcDateTimeField(source="created_at")
    expires = UtcDateTimeField(source="expires_at", allow_null=True)
    last_used = UtcDateTimeField(source="last_used_at", allow_null=True)

    class Meta:
        model = ApiToken
        fields = ["id", "name", "prefix", "created", "expires", "last_used"]
        read_only_fields = fields


class NewTokenSerializer(TokenSerializer):
    """With the key itself, for this one time."""

    token = serializers.CharField()

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]
        read_only_fields = fields


class TokenFields(Strict):
    name = serializers.CharField(max_length=60)
    expires = serializers.DateTimeField(required=False, allow_null=True, default=None)


class SignInFields(Strict):
    """A person's name and password, for a token to use from now on; without `expires` it lasts 90 days."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4096, trim_whitespace=False, write_only=True)
    name = serializers.CharField(max_length=60)
    expires = serializers.DateTimeField(required=False)


class ProductLineSerializer(serializers.ModelSerializer[ProductLine]):
    """A product line of the service tree: company, department, product line."""

    class Meta:
        model = ProductLine
        fields = ["tag", "cop", "owt", "pdl", "title", "scaling_quota"]
        read_only_fields = fields


class NewProductLineFields(Strict):
    cop = serializers.CharField(max_length=63)
    owt = serializers.CharField(max_length=63)
    pdl = serializers.CharField(max_length=63)
    title = serializers.CharField(max_length=120, allow_blank=True, default="")


class MemberSerializer(serializers.ModelSerializer[Membership]):
    username = serializers.CharField(source="user.username")

    class Meta:
        model = Membership
        fields = ["username", "role"]
        read_only_fields = fields


class MemberFields(Strict):
    role = serializers.ChoiceField(choices=Role.choices)
