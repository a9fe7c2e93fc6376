from django.urls import path
from qa import views

urlpatterns = [
    path("", views.page),
    path("questions", views.ask),
    path("answers", views.answer),
    path("comments", views.comment),
    path("comments/<int:pk>", views.edit),
]
